//! Whether the feeds of a job that complete others can do so together.

use super::feed::Feed;

/// Refuses a feed that completes none of the job's, or what another one completes already: which of two exports is right about a day
/// nobody could say.
///
/// # Errors
/// Names the feeds, and the column of two of them.
pub fn check<'f>(feeds: impl Iterator<Item = &'f Feed>) -> Result<(), String> {
    let feeds: Vec<&Feed> = feeds.collect();
    let layers: Vec<(&Feed, &str)> =
        feeds.iter().filter_map(|feed| Some((*feed, feed.completes.as_deref()?))).collect();
    for (at, (layer, name)) in layers.iter().enumerate() {
        let Some(spine) = feeds.iter().find(|feed| feed.name == *name) else {
            return Err(format!("feed {}: completes `{name}`, which is no feed of the job", layer.name));
        };
        if spine.fills != layer.fills {
            return Err(format!("feed {}: completes `{name}`, which fills {}", layer.name, spine.fills));
        }
        if spine.completes.is_some() {
            return Err(format!("feed {}: completes `{name}`, which completes another feed itself", layer.name));
        }
        for (other, of) in &layers[..at] {
            let twice = layer.speaks_of().find(|column| of == name && other.maps(column));
            if let Some(column) = twice {
                return Err(format!(
                    "the feeds {} and {} both complete {column} of `{name}`: take the column out of one of them",
                    other.name, layer.name
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Catalog;

    fn feed(name: &str, keys: &str, columns: &str) -> Result<Feed, String> {
        let text = format!(
            "description = \"\"\nfills = \"workers\"\npath = \"{name}_{{date}}.csv\"\nformat = \"csv\"\n{keys}\n[[headers]]\nworker_id = \"id\"\n{columns}"
        );
        Feed::parse(name, &text, &Catalog::load().expect("contracts")).map_err(|error| error.what)
    }

    const LAYER: &str = "completes = \"spine\"";

    #[test]
    fn a_layer_needs_no_status_and_may_say_leave_alone() {
        assert!(feed("spine", "", "fte = \"FTE\"").expect_err("no status").contains("status: is required"));
        let layer = feed("fte", LAYER, "fte = \"FTE\"").expect("a layer");
        assert_eq!(layer.speaks_of().collect::<Vec<_>>(), ["fte"]);
        assert!(layer.reach_back);
        let leave =
            feed("leave", LAYER, "effective_from = \"since\"\nstatus = { value = \"leave\" }").expect("a layer");
        assert!(!leave.reach_back, "a leave begins on its own day");
        for status in [
            "{ from = \"s\", values = { \"on leave\" = \"leave\", \"back\" = \"\" } }",
            "{ from = [\"a\", \"b\"], values = [[\"1\", \"*\", \"leave\"], [\"*\", \"*\", \"\"]] }",
        ] {
            assert!(feed("leave", LAYER, &format!("status = {status}")).is_ok(), "{status}");
        }
        for status in [
            "\"s\"",
            "{ value = \"terminated\" }",
            "{ from = \"s\", values = { \"1\" = \"active\" } }",
            "{ from = \"s\", values = { \"1\" = \"leave\" }, default = \"active\" }",
        ] {
            let said = feed("leave", LAYER, &format!("status = {status}")).expect_err("says who is employed");
            assert!(said.contains("may say `leave` and nothing else"), "{status}: {said}");
        }
    }

    #[test]
    fn completes_without_effect_is_an_error_of_the_feed() {
        let said = |keys: &str, columns: &str| feed("fte", keys, columns).expect_err("no effect");
        assert!(said("completes = \"fte\"", "fte = \"FTE\"").contains("which is another one"));
        assert!(said(LAYER, "effective_from = \"since\"").contains("nothing but the worker and days"));
        assert!(
            said(&format!("{LAYER}\nreach_back = true"), "status = { value = \"leave\" }")
                .contains("its own first day")
        );
        assert!(
            said(&format!("{LAYER}\ngates = {{ headcount_change = \"off\" }}"), "fte = \"FTE\"")
                .contains("headcount_change")
        );
        let catalog = Catalog::load().expect("contracts");
        let parse = |text: &str| Feed::parse("x", text, &catalog).expect_err("no effect").what;
        let users = "description = \"\"\nfills = \"users\"\npath = \"u\"\nformat = \"csv\"\ncompletes = \"y\"\n";
        assert!(parse(users).contains("is for feeds of workers; this one fills users"));
        assert!(parse(&users.replace("users", "workers")).contains("say in [[headers]]"));
    }

    #[test]
    fn layers_of_a_job_name_a_spine_and_share_no_column() {
        let spine = feed("spine", "", "status = \"s\"").expect("a feed");
        let one = feed("one", LAYER, "fte = \"FTE\"\nemail = \"Mail\"").expect("a layer");
        let two = feed("two", LAYER, "email = \"Mail\"").expect("a layer");
        let said = |feeds: &[&Feed]| check(feeds.iter().copied()).expect_err("refused");
        assert_eq!(check([&spine, &one].into_iter()), Ok(()));
        assert_eq!(said(&[&one]), "feed one: completes `spine`, which is no feed of the job");
        assert_eq!(
            said(&[&two, &spine, &one]),
            "the feeds two and one both complete email of `spine`: take the column out of one of them"
        );
        let chain = feed("chain", "completes = \"one\"", "location = \"Site\"").expect("a layer");
        assert_eq!(said(&[&spine, &one, &chain]), "feed chain: completes `one`, which completes another feed itself");
    }
}
