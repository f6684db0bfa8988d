//! The keys of a column about how its words and numbers are written.

use crate::contract::{Column, Type};
use crate::feed::number::Style;
use crate::feed::spec::{ColumnFile, FeedFile};

/// Whether a word of a value map is one the column can hold.
pub(super) fn means_something(column: &Column, word: &str) -> Result<(), String> {
    let fits = match column.data_type {
        Type::Text => column.values.is_empty() || column.values.iter().any(|known| known == word),
        Type::Bool => matches!(word.to_ascii_lowercase().as_str(), "true" | "false" | "1" | "0"),
        Type::Int | Type::Double => word.parse::<f64>().is_ok_and(f64::is_finite),
        Type::Date | Type::Timestamp => true,
    };
    match fits {
        true => Ok(()),
        false if !column.values.is_empty() => Err(format!("`{word}` is none of {}", column.values.join(", "))),
        false => Err(format!("`{word}` is no value of a column of type {}", column.data_type)),
    }
}

/// How a column's numbers are written.
pub(super) fn style(written: &ColumnFile, file: &FeedFile) -> Result<Style, String> {
    let decimal_comma = written.decimal_comma.unwrap_or(file.decimal_comma);
    let thousands = match written.thousands.as_deref().or(file.thousands.as_deref()) {
        None => None,
        Some(text) => {
            let mut signs = text.chars();
            match (signs.next(), signs.next()) {
                (Some(c), None) if !c.is_alphanumeric() && !matches!(c, '-' | '+') => {
                    Some(if c.is_whitespace() { ' ' } else { c })
                }
                _ => return Err("thousands is one sign, `,` or a space".into()),
            }
        }
    };
    if thousands == Some(if decimal_comma { ',' } else { '.' }) {
        return Err(
            "thousands and the decimal sign are the same: set decimal_comma where numbers are written 1.234,5".into()
        );
    }
    Ok(Style { decimal_comma, thousands })
}
