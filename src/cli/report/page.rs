//! The page around the sections: one file with its style, its data and the library that draws the charts.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha2::{Digest, Sha256};

use super::html::{escape, json};
use super::{Chart, Section};
use crate::cli::published::Published;
use crate::error::{Error, Result};

const STYLE: &str = include_str!("style.css");
const CHARTS: &str = include_str!("charts.js");
const D3: &str = include_str!("vendor/d3.min.js");
const PLOT: &str = include_str!("vendor/plot.umd.min.js");
const LICENSES: [(&str, &str); 2] =
    [("Observable Plot 0.6.17", include_str!("vendor/LICENSE-plot")), ("D3 7.9.2", include_str!("vendor/LICENSE-d3"))];

/// The whole page.
pub fn page(published: &Published, sections: &[Section]) -> Result<String> {
    let head = &published.head;
    let title = escape(&format!("Uptake report: {}", published.job.name));
    let snapshot = escape(&head.snapshot_id()?);
    let charts: Vec<&Chart> = sections.iter().flat_map(|section| &section.charts).collect();
    let data = json(&charts).map_err(|cause| Error::bug(cause.to_string()))?;
    let scripts = [D3, PLOT, CHARTS];
    let allowed: Vec<String> =
        scripts.iter().map(|text| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))).collect();
    // Nothing may be loaded from anywhere, and no script may run but the three below.
    let policy = format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
        allowed.join(" ")
    );
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the figures</a>\n<header>\n<h1>{title}</h1>\n<p>As of <time>{}</time>, snapshot <code>{snapshot}</code>. Small groups are not shown: a dash means not shown or nothing to divide by, never zero.</p>\n<nav aria-label=\"Sections\"><ul>\n",
        escape(&head.as_of)
    );
    for section in sections {
        html.push_str(&format!("<li><a href=\"#{}\">{}</a></li>\n", section.id, section.title));
    }
    html.push_str("</ul></nav>\n</header>\n<main id=\"main\">\n");
    for Section { id, title, body, .. } in sections {
        html.push_str(&format!("<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n{body}</section>\n"));
    }
    html.push_str("</main>\n<footer>\n<p>Every figure can be traced: <code>uptake explain JOB TABLE --key KEY --column COLUMN</code> tells its formula, its parts and the deliveries behind it. Tables name where they come from; the dictionary is <code>uptake schema TABLE</code>. Figures that move together are associated; nothing on this page is a cause unless a verdict says that an effect is supported.</p>\n<details><summary>Licences of the software inside this page</summary>\n");
    for (name, text) in LICENSES {
        html.push_str(&format!("<h3>{name}</h3>\n<pre>{}</pre>\n", escape(text)));
    }
    html.push_str("</details>\n</footer>\n");
    html.push_str(&format!("<script type=\"application/json\" id=\"charts\">{data}</script>\n"));
    for script in scripts {
        html.push_str(&format!("<script>{script}</script>\n"));
    }
    html.push_str("</body>\n</html>\n");
    Ok(html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_script_of_the_page_can_end_early_or_name_a_place_to_load_from() {
        for script in [D3, PLOT, CHARTS] {
            assert!(!script.contains("</script") && !script.contains("<!--") && !script.contains("sourceMappingURL"));
        }
        for own in [CHARTS, STYLE] {
            assert!(!own.contains("http") && !own.contains("url(") && !own.contains("@import"));
        }
    }
}
