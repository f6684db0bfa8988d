//! The page around the sections: one file with its style, its data and the library that draws the charts.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::{Chart, Section};
use crate::cli::published::Published;
use crate::cli::terminal;
use crate::error::{Error, Result};

const STYLE: &str = include_str!("style.css");
const CHARTS: &str = include_str!("charts.js");
const D3: &str = include_str!("vendor/d3.min.js");
const PLOT: &str = include_str!("vendor/plot.umd.min.js");
const LICENSES: [(&str, &str); 2] =
    [("Observable Plot 0.6.17", include_str!("vendor/LICENSE-plot")), ("D3 7.9.2", include_str!("vendor/LICENSE-d3"))];

/// The whole page.
pub fn page(published: &Published, sections: &[Section]) -> Result<String> {
    let title = format!("Uptake report: {}", published.job.name);
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
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (terminal::plain(&title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (visible(&contents(&title, published, sections)?))
                script type="application/json" id="charts" { (data) }
                @for script in scripts {
                    script { (PreEscaped(script)) }
                }
            }
        }
    };
    Ok(page.into_string())
}

/// What people read.
fn contents(title: &str, published: &Published, sections: &[Section]) -> Result<Markup> {
    let head = &published.head;
    Ok(html! {
        a.skip href="#main" { "Skip to the figures" }
        header {
            h1 { (title) }
            p {
                "As of " time { (head.as_of) } ", snapshot " code { (head.snapshot_id()?) } ". Small groups are not shown: "
                "a dash means not shown or nothing to divide by, never zero."
            }
            nav aria-label="Sections" {
                ul {
                    @for Section { id, title, .. } in sections {
                        li { a href={ "#" (id) } { (title) } }
                    }
                }
            }
        }
        main id="main" {
            @for Section { id, title, body, .. } in sections {
                section id=(id) aria-labelledby={ (id) "-title" } {
                    h2 id={ (id) "-title" } { (title) }
                    (body)
                }
            }
        }
        footer {
            p {
                "Every figure can be traced: " code { "uptake explain JOB TABLE --key KEY --column COLUMN" }
                " tells its formula, its parts and the deliveries behind it. Tables name where they come from; the "
                "dictionary is " code { "uptake schema TABLE" } ". Figures that move together are associated; nothing on "
                "this page is a cause unless a verdict says that an effect is supported."
            }
            details {
                summary { "Licences of the software inside this page" }
                @for (name, text) in LICENSES {
                    h3 { (name) }
                    pre { (text) }
                }
            }
        }
    })
}

/// Markup whose control and direction-changing characters can be seen: all of them come out of the data.
fn visible(markup: &Markup) -> Markup {
    PreEscaped(terminal::plain(&markup.0))
}

/// JSON that cannot end the script element it stands in.
fn json(value: &impl serde::Serialize) -> serde_json::Result<Markup> {
    let text = serde_json::to_string(value)?;
    let escaped = text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    Ok(PreEscaped(escaped.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_out_of_the_data_is_text_and_never_markup() {
        let name = visible(&html! { a title="\u{7f}" { "<b>&\"\u{202e}" } });
        assert_eq!(name.0, "<a title=\"\\u{7f}\">&lt;b&gt;&amp;&quot;\\u{202e}</a>");
        let data = json(&serde_json::json!({"n": "</script><!--"})).unwrap();
        assert_eq!(data.0, "{\"n\":\"\\u003c/script\\u003e\\u003c!--\"}");
    }

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
