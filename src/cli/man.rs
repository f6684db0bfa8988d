//! `man`: a page for every command, so that none refers to a page that is not there.

use clap::Command;

use super::terminal;
use crate::error::{Error, Result};

/// Prints the page of a command and those of the commands below it.
pub fn pages(command: Command) -> Result<u8> {
    let mut whole = without_help(command);
    whole.build();
    let mut text = Vec::new();
    let failed = |cause: std::io::Error| Error::bug(format!("the manual pages cannot be written: {cause}"));
    write(&whole, &mut text).map_err(failed)?;
    terminal::data(&String::from_utf8_lossy(&text)).map(|()| 0)
}

/// `help` only repeats what the pages say.
fn without_help(command: Command) -> Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help)
}

fn write(command: &Command, text: &mut Vec<u8>) -> std::io::Result<()> {
    clap_mangen::Man::new(command.clone()).render(text)?;
    command.get_subcommands().filter(|below| !below.is_hide_set()).try_for_each(|below| write(below, text))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_page_that_a_page_names_is_printed() {
        let mut whole = without_help(crate::cli::Cli::command());
        whole.build();
        let mut text = Vec::new();
        write(&whole, &mut text).unwrap();
        // Hyphens are escaped in running text.
        let text = String::from_utf8(text).unwrap().replace("\\-", "-");
        let printed: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix(".TH ")?.split_whitespace().next()).collect();
        let named: Vec<&str> = text.lines().filter_map(|line| line.strip_suffix("(1)")).collect();
        assert!(printed.contains(&"uptake") && printed.contains(&"uptake-feed-try"), "{printed:?}");
        assert!(named.contains(&"uptake-run"), "{named:?}");
        let absent: Vec<&&str> = named.iter().filter(|name| !printed.contains(name)).collect();
        assert!(absent.is_empty(), "pages that are named and not printed: {absent:?}");
    }
}
