//! What is worth knowing of a delivery that is taken.

/// Something worth knowing that refuses nothing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Warning {
    /// A code of [`FINDINGS`](crate::contract::findings::FINDINGS).
    pub code: &'static str,
    /// Why, where the code alone does not say: the [`Reason`] of a dropped value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The canon column, or the source's name of an unknown one.
    pub column: Option<String>,
    pub count: u64,
}

impl Warning {
    pub(crate) fn new(code: &'static str, column: Option<&str>, count: u64) -> Warning {
        Warning {
            code,
            reason: None,
            column: column.map(|name| name.chars().take(100).flat_map(char::escape_debug).collect()),
            count,
        }
    }
}
