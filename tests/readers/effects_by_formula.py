#!/usr/bin/env python3
"""The effects of leaders' posts from their formulas alone, in numpy: dense matrices, no code shared with the product.

    effects_by_formula.py FOLDER            writes FOLDER/expected.csv and FOLDER/many.csv for FOLDER/panel.csv
    effects_by_formula.py UPTAKE PANELS     draws so many random panels and compares `uptake stats effects` on each

Needs numpy and pandas. tests/it/effects_by_formula.rs holds the product to expected.csv and many.csv.
"""

import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pandas as pd

NEVER = np.inf


def matrices(rows, cluster=None, weight=None):
    units, weeks = np.array(sorted(rows.unit.unique())), np.array(sorted(rows.time.unique()))
    wide = lambda column: rows.pivot(index="unit", columns="time", values=column).reindex(index=units, columns=weeks).to_numpy(float)
    of_unit = lambda column: rows.groupby("unit")[column].first().reindex(units)
    first = of_unit("first").fillna(NEVER).to_numpy(float)
    clusters = of_unit(cluster).to_numpy() if cluster else units
    codes = np.searchsorted(sorted(set(clusters)), clusters)
    return units, weeks, wide("outcome"), first, codes, wide(weight) if weight else None


def error(by_unit, clusters, single=False):
    """The root of the sum of squares of what each cluster adds up to."""
    se = np.sqrt((np.bincount(clusters, by_unit) ** 2).sum())
    return None if se < 1e-7 or single else se


def sides(treated, control, clusters):
    return min(len(set(clusters[treated])), len(set(clusters[control]))) - 1


def group_times(rows, control="not-yet", base="varying", anticipation=0, balance_e=7, gaps="pairwise", cluster=None, weight=None):
    """(cells, aggregates): estimate, se and df by (cohort, week), and by (kind, part)."""
    units, weeks, y, first, clusters, w = matrices(rows, cluster, weight)
    first = np.where(first > weeks[-1], NEVER, first)

    def keep(which):
        nonlocal y, first, clusters, w
        y, first, clusters, w = y[which], first[which], clusters[which], None if w is None else w[which]

    def cut():
        if len(first) == 0 or np.isinf(first).any():
            return len(weeks), None
        return int((weeks < first.max() - anticipation).sum()), first.max()

    keep(first > weeks[0] + anticipation)
    width, last = cut()
    while gaps == "balanced" and np.isnan(y[:, :width]).any():
        keep(~np.isnan(y[:, :width]).any(1))
        width, last = cut()
    weeks, y, w = weeks[:width], y[:, :width], None if w is None else w[:, :width]
    first = np.where(first == last, NEVER, first) if last is not None else first
    n, cohorts = len(first), sorted(set(first[np.isfinite(first)]))
    w_first = np.ones(n) if w is None else np.array([next((x for x in unit if not np.isnan(x)), 0) for unit in w])
    share = {g: (w_first * (first == g)).sum() / n for g in cohorts}
    single = np.isfinite(first).sum() == 1

    cells = {}
    for g, t in itertools.product(cohorts, range(width)):
        untreated = [b for b in range(width) if weeks[b] < g - anticipation]
        if not untreated or (weeks[t] < g and base == "varying" and t == 0):
            continue
        b = untreated[-1] if weeks[t] >= g or base == "universal" else t - 1
        change = y[:, t] - y[:, b]
        seen = ~np.isnan(change)
        weigh = np.ones(n) if w is None else w[:, min(b, t)]
        treated = (first == g) & seen
        free = np.isinf(first) if control == "never" else first > max(weeks[t], weeks[b]) + anticipation
        others = free & (first != g) & seen
        if b == t:
            if treated.any():
                cells[g, weeks[t]] = dict(att=0.0, psi=np.zeros(n), treated=treated, control=np.zeros(n, bool), se=None, base=weeks[b])
            continue
        if not treated.any() or not others.any():
            continue
        mean = lambda side: (weigh[side] * change[side]).sum() / weigh[side].sum()
        psi = np.zeros(n)
        psi[treated] = n * weigh[treated] * (change[treated] - mean(treated)) / weigh[treated].sum()
        psi[others] = -n * weigh[others] * (change[others] - mean(others)) / weigh[others].sum()
        cells[g, weeks[t]] = dict(
            att=mean(treated) - mean(others), psi=psi, treated=treated, control=others, se=error(psi / n, clusters, single), base=weeks[b]
        )

    def made(estimate, psi, parts):
        treated, control = (np.any([part[side] for part in parts], 0) for side in ("treated", "control"))
        return dict(
            att=estimate, psi=psi, se=error(psi / n, clusters, single), df=sides(treated, control, clusters), treated=treated, control=control
        )

    def weighted(parts):
        """Parts (cohort, estimate) by the size of their cohorts, with what a unit does to those sizes."""
        total = sum(share[g] for g, _ in parts)
        estimate = sum(share[g] * part["att"] for g, part in parts) / total
        drift = sum(w_first * (first == g) - share[g] for g, _ in parts)
        psi = sum(share[g] / total * part["psi"] for g, part in parts)
        for g, part in parts:
            psi = psi + part["att"] * ((w_first * (first == g) - share[g]) / total - share[g] / total**2 * drift)
        return made(estimate, psi, [part for _, part in parts])

    def mean(parts):
        return made(np.mean([part["att"] for part in parts]), np.mean([part["psi"] for part in parts], 0), parts)

    def grouped(key, wanted):
        groups = {}
        for at in cells:
            if wanted(*at):
                groups.setdefault(int(key(*at)), []).append((at[0], cells[at]))
        return dict(sorted(groups.items()))

    found = {}

    def each(kind, groups, pool, overall):
        for part, members in groups.items():
            found[kind, part] = pool(members)
        if parts := [found[kind, part] for part in groups if overall(part)]:
            found[kind, "overall"] = mean(parts)

    span = weeks[-1] - weeks[0] if width else 0
    long = lambda g, t: weeks[-1] - g >= balance_e and balance_e - span <= t - g <= balance_e
    after = lambda g, t: t >= g
    each("dynamic", grouped(lambda g, t: t - g, lambda g, t: True), weighted, lambda e: e >= 0)
    each("balanced", grouped(lambda g, t: t - g, long), weighted, lambda e: e >= 0)
    each("calendar", grouped(lambda g, t: t, after), weighted, lambda t: True)
    groups = grouped(lambda g, t: g, after)
    for g, members in groups.items():
        found["group", g] = mean([cell for _, cell in members])
    if groups:
        found["group", "overall"] = weighted([(g, found["group", g]) for g in groups])
        found["simple", "overall"] = weighted([part for members in groups.values() for part in members])
    return cells, found


def untreated_cells(rows, anticipation, cluster):
    _, weeks, y, first, clusters, _ = matrices(rows, cluster)
    seen = ~np.isnan(y)
    since = weeks[None, :] - first[:, None]
    return y, seen & (since < -anticipation), seen & (since >= 0), since, clusters


def imputed(rows, anticipation=0, cluster=None):
    y, free, treated, since, clusters = untreated_cells(rows, anticipation, cluster)
    n_free = free.sum(1)
    inverse = np.where(n_free > 0, 1 / np.maximum(n_free, 1), 0)
    matrix = np.diag(free.sum(0).astype(float)) - free.T.astype(float) @ (inverse[:, None] * free)
    solver = np.linalg.pinv(matrix, rcond=1e-11)

    def solve(unit_sums, week_sums):
        week = solver @ (week_sums - free.T @ (inverse * unit_sums))
        return inverse * (unit_sums - free @ week), week

    fitted = np.where(free, y, 0)
    unit, week = solve(fitted.sum(1), fitted.sum(0))
    surprise = np.where(np.isnan(y), 0, y - unit[:, None] - week[None, :])
    treated = treated & (n_free > 0)[:, None] & (free.sum(0) > 0)[None, :]
    residual = np.where(free, surprise, 0)
    for e in set(since[treated]):
        same = treated & (since == e)
        residual[same] = surprise[same] - surprise[same].mean()
    found = {}
    for part in ["overall", *sorted(set(since[treated]))]:
        pooled = treated if part == "overall" else treated & (since == part)
        p, q = solve((pooled / pooled.sum()).sum(1), (pooled / pooled.sum()).sum(0))
        weigh = np.where(pooled, 1 / pooled.sum(), np.where(free, -(p[:, None] + q[None, :]), 0))
        controls = (free & pooled.any(0)[None, :]).any(1)
        found["bjs", part if part == "overall" else int(part)] = dict(
            att=surprise[pooled].mean(), se=error((weigh * residual).sum(1), clusters), df=sides(pooled.any(1), controls, clusters)
        )
    return found


def ratios(rows, people=None, anticipation=0, cluster=None):
    """Counts in column outcome, over people where there is such a column."""
    y, free, treated, since, clusters = untreated_cells(rows, anticipation, cluster)
    h = matrices(rows.assign(outcome=rows[people]))[2] if people else np.ones_like(y)
    safe = lambda above, below: np.where(below > 0, above / np.where(below > 0, below, 1), 0)

    def totals(included):
        fit = free & included[:, None]
        counts, exposure = np.where(fit, y, 0), np.where(fit, h, 0)
        week = np.ones(y.shape[1])
        for _ in range(200_000):
            unit = safe(counts.sum(1), exposure @ week)
            before, week = week, safe(counts.sum(0), exposure.T @ unit)
            if np.all(np.abs(week - before) <= 1e-13 * np.abs(week)):
                break
        expected = h * safe(counts.sum(1), exposure @ week)[:, None] * week[None, :]
        pooled = treated & included[:, None] & fit.any(1)[:, None] & fit.any(0)[None, :]
        parts = {"overall": pooled} | {int(e): pooled & (since == e) for e in sorted(set(since[pooled]))}
        return {part: (y[which].sum(), expected[which].sum()) for part, which in parts.items()}

    group = clusters % 100 if clusters.max() >= 300 else clusters
    without = [totals(group != left_out) for left_out in sorted(set(group))]
    found = {}
    for part, (observed, expected) in totals(np.ones(len(y), bool)).items():
        if expected <= 0:
            continue
        se, left = None, [one.get(part, (0, 0)) for one in without]
        if observed > 0 and all(a > 0 and b > 0 for a, b in left):
            logs = np.array([np.log(a / b) for a, b in left])
            se = np.sqrt((len(logs) - 1) / len(logs) * ((logs - logs.mean()) ** 2).sum())
        found["ppml", part] = dict(att=observed / expected, se=se if se is None or se >= 1e-7 else None)
    return found


def episodes(rows, quiet, after, before, cluster=None):
    """Column post is 1 in weeks with a post."""
    units, weeks, y, _, clusters, _ = matrices(rows.assign(first=np.nan), cluster)
    posts = rows.pivot(index="unit", columns="time", values="post").reindex(index=units, columns=weeks).fillna(0).to_numpy() > 0
    at = {week: place for place, week in enumerate(weeks)}
    posted = lambda unit, low, high: any(posts[unit, at[week]] for week in range(int(low), int(high) + 1) if week in at)
    found, influences = {}, {}
    for h in [h for h in range(-before, after + 1) if h != -1]:
        starts = []
        for p in [p for p in weeks if p - quiet >= weeks[0] and p - 1 in at and p + h in at]:
            change = y[:, at[p + h]] - y[:, at[p - 1]]
            seen = [unit for unit in range(len(units)) if not np.isnan(change[unit])]
            treated = [unit for unit in seen if posts[unit, at[p]] and not posted(unit, p - quiet, p - 1)]
            control = [unit for unit in seen if not posted(unit, p - quiet, p + max(h, 0))]
            if treated and control:
                starts.append((treated, control, change))
        n = sum(len(treated) for treated, _, _ in starts)
        if n == 0:
            continue
        theta = sum((change[treated] - change[control].mean()).sum() for treated, control, change in starts) / n
        influence = np.zeros(len(units))
        for treated, control, change in starts:
            influence[treated] += (change[treated] - change[control].mean() - theta) / n
            influence[control] -= len(treated) / n * (change[control] - change[control].mean()) / len(control)
        influences[h] = influence
        found["clean_window", h] = dict(att=theta, se=error(influence, clusters))
    if late := [h for h in influences if h >= 0]:
        overall = np.mean([influences[h] for h in late], 0)
        found["clean_window", "overall"] = dict(att=np.mean([found["clean_window", h]["att"] for h in late]), se=error(overall, clusters))
    return found


def panel(seed, n, weeks, start, never, cohorts, gaps):
    """Units that live for different weeks, in leaders' areas that cross the cohorts."""
    dice, rows = np.random.default_rng(seed), []
    firsts = dice.choice(np.arange(start, start + weeks + 2), size=cohorts, replace=False)
    for unit in range(n):
        first = np.nan if dice.random() < never else float(dice.choice(firsts))
        leader, level, people = f"leader {dice.integers(max(5, n * 2 // 3)):02d}", dice.gamma(2, 4), int(dice.integers(6, 60))
        born, gone = (int(dice.integers(0, weeks // 3)), weeks - int(dice.integers(0, weeks // 3))) if dice.random() < gaps else (0, weeks)
        for week in range(born, gone):
            if dice.random() < gaps / 4:
                continue
            here = max(5, people + int(dice.integers(-3, 4)))
            rate = level + 2 * np.sin(week / 3) + (3 if start + week >= first else 0) + 0.3
            counted = dice.poisson(max(here / 100 * rate, 0.02))
            rows.append([f"unit {unit:02d}", start + week, first, round(100 * counted / here, 6), leader, round(here * dice.uniform(0.5, 2), 2), here, counted, int(dice.random() < 0.06)])
    return pd.DataFrame(rows, columns="unit time first outcome leader share people counted post".split())


def words(control, base, anticipation, balance_e, gaps, cluster, weight):
    """Options of the command that mean these arguments of group_times."""
    options = f"--control {control} --base {base} --anticipation {anticipation} --balance-e {balance_e} --gaps {gaps}"
    return options + (f" --cluster {cluster}" if cluster else "") + (f" --weight {weight}" if weight else "")


DESIGNS = [
    # control, base, anticipation, balance_e, gaps, cluster, weight
    ("not-yet", "universal", 1, 2, "pairwise", "leader", "share"),
    ("not-yet", "varying", 2, 0, "pairwise", "leader", "share"),
    ("never", "universal", 2, 2, "pairwise", "leader", None),
    ("never", "varying", 1, 7, "balanced", None, "share"),
    ("not-yet", "varying", 0, 3, "balanced", "leader", None),
]


def many():
    """More than 300 clusters from whole numbers, so that the Rust test can make the same: groups of them are left out at a time."""
    rows = []
    for unit, week in itertools.product(range(330), range(1, 9)):
        first = 4 + unit % 3 if unit % 2 == 0 else np.nan
        rows.append([f"unit {unit:03d}", week, first, (unit * 7919 + week * 10473) % 7 + (2 if week >= first else 0), 10 + unit % 5])
    return pd.DataFrame(rows, columns="unit time first outcome people".split())


def write(folder):
    folder = pathlib.Path(folder)
    panel(11, 24, 12, 31, 0.3, 4, 0.3).to_csv(folder / "panel.csv", index=False)
    rows, lines = pd.read_csv(folder / "panel.csv"), []

    def tell(options, found):
        for (kind, part), one in found.items():
            lines.append([options, kind, part, "", repr(float(one["att"])), "" if one["se"] is None else repr(float(one["se"])), one.get("df", "")])

    for first in ("first", "all_treated"):
        used = rows.assign(first=rows["first"].fillna(rows["first"].max())) if first == "all_treated" else rows
        for design in DESIGNS if first == "first" else DESIGNS[:1]:
            options = words(*design) + (f" --first {first}" if first != "first" else "")
            cells, found = group_times(used, *design)
            for (g, t), cell in cells.items():
                lines.append([options, "att_gt", int(g), int(t), repr(float(cell["att"])), "" if cell["se"] is None else repr(float(cell["se"])), ""])
            tell(options, found)
    rows["all_treated"] = rows["first"].fillna(rows["first"].max())
    rows.to_csv(folder / "panel.csv", index=False)
    for anticipation, cluster in [(0, "leader"), (2, None)]:
        end = f" --anticipation {anticipation}" + (f" --cluster {cluster}" if cluster else "")
        tell("--method bjs" + end, imputed(rows, anticipation, cluster))
        counts = rows.assign(outcome=rows.counted)
        tell("--method ppml --outcome counted --headcount people" + end, ratios(counts, "people", anticipation, cluster))
    tell("--method ppml --outcome counted --anticipation 1 --cluster leader", ratios(rows.assign(outcome=rows.counted), None, 1, "leader"))
    tell("--method clean-window --quiet-before 2 --after 3 --before 2 --cluster leader", episodes(rows, 2, 3, 2, "leader"))
    header = ["options", "kind", "at", "time", "estimate", "se", "df"]
    pd.DataFrame(lines, columns=header).to_csv(folder / "expected.csv", index=False)
    lines.clear()
    tell("--method ppml --headcount people", ratios(many(), "people"))
    pd.DataFrame(lines, columns=header).to_csv(folder / "many.csv", index=False)


def compare(uptake, panels):
    wrong, compared = [], 0
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "panel.csv"

        def check(seed, options, wanted):
            nonlocal compared
            more = [] if "--method" in options else ["--placebo-draws", "0", "--no-cross-checks", "--draws", "9"]
            out = subprocess.run([uptake, "stats", "effects", file, "--format", "json", *options.split(), *more], check=True, capture_output=True)
            shown = {}
            for row in (found := json.loads(out.stdout)).get("cell", []):
                shown["att_gt", int(row["cohort"]), int(row["time"])] = row
            for row in found.get("aggregate", []):
                shown[row["kind"], row["at"] if row["at"] == "overall" else int(row["at"])] = row
            shown = {key: row for key, row in shown.items() if key[0] != "window"}
            if shown.keys() != wanted.keys():
                wrong.append((seed, options, "rows", sorted(map(str, shown.keys() ^ wanted.keys()))))
            for key in shown.keys() & wanted.keys():
                for name, value in (("estimate", wanted[key]["att"]), ("se", wanted[key]["se"]), ("df", wanted[key].get("df"))):
                    compared += 1
                    got = shown[key].get(name)
                    if name == "df" and value is None:
                        continue
                    near = got is None if value is None else got is not None and abs(got - value) <= max(1e-8 * abs(value), 1e-10)
                    if not near:
                        wrong.append((seed, options, key, name, got, value))

        for seed in range(int(panels)):
            dice = np.random.default_rng(seed)
            rows = panel(seed, int(dice.integers(14, 70)), int(dice.integers(8, 28)), int(dice.integers(1, 200)), [0.4, 0, 0.25][seed % 3], int(dice.integers(2, 9)), [0, 0.3][seed % 2])
            rows.to_csv(file, index=False)
            designs = itertools.product(("not-yet", "never"), ("varying", "universal"), (0, 1, 2), (0, 2, 7), ("pairwise", "balanced"), (None, "leader"), (None, "share"))
            for design in [design for at, design in enumerate(designs) if (at * 7 + seed) % 13 == 0]:
                cells, found = group_times(rows, *design)
                check(seed, words(*design), found | {("att_gt", int(g), int(t)): cell for (g, t), cell in cells.items()})
            for anticipation, cluster in itertools.product((0, 1, 2), (None, "leader")):
                end = f" --anticipation {anticipation}" + (f" --cluster {cluster}" if cluster else "")
                check(seed, "--method bjs" + end, imputed(rows, anticipation, cluster))
                people = "people" if seed % 2 else None
                found = ratios(rows.assign(outcome=rows.counted), people, anticipation, cluster)
                check(seed, "--method ppml --outcome counted" + end + (" --headcount people" if people else ""), found)
            check(seed, "--method clean-window --quiet-before 4 --after 4 --before 3 --cluster leader", episodes(rows, 4, 4, 3, "leader"))
    for line in wrong[:20]:
        print(*line)
    print(f"{compared} numbers of {panels} panels compared, {len(wrong)} differ")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    write(*sys.argv[1:]) if len(sys.argv) == 2 else compare(*sys.argv[1:])
