#!/usr/bin/env python3
"""The contracts as catalogues read them: every table's export in the Open Data Contract Standard passes datacontract-cli's lint.

    contracts.py UPTAKE
"""

import logging
import pathlib
import subprocess
import sys
import tempfile

from datacontract.data_contract import DataContract


def main(uptake):
    logging.disable(logging.INFO)
    print_of = lambda *words: subprocess.run([uptake, "schema", *words], check=True, capture_output=True, text=True).stdout
    schemas = pathlib.Path(__file__).resolve().parents[2] / "schemas"
    tables = sorted(path.stem for folder in ("canon", "mart") for path in (schemas / folder).glob("*.toml"))
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for table in [None, *tables]:
            file = pathlib.Path(folder) / f"{table or 'all'}.odcs.yaml"
            file.write_text(print_of(*([table] if table else []), "--format", "odcs", "--lake", "s3://acme-lake/people"))
            run = DataContract(data_contract_file=str(file)).lint()
            passed = run.result.value == "passed" and run.checks and all(check.result.value == "passed" for check in run.checks)
            if not passed:
                wrong += [f"{table or 'all marts'}: {check.reason}" for check in run.checks if check.result.value != "passed"]
                wrong += [] if run.checks else [f"{table or 'all marts'}: nothing was checked"]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(tables) + 1} contracts are valid ODCS")


main(*sys.argv[1:])
