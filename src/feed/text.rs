//! The texts of one column, end to end in one buffer.

use arrow::array::StringArray;
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

/// Rows of a batch. Small enough to keep many readers in memory, large enough to be worth a hand-over.
pub(crate) const BATCH_ROWS: usize = 65_536;

/// Plain text: offsets into one run of bytes.
pub(crate) struct Text {
    ends: Vec<i32>,
    bytes: Vec<u8>,
}

impl Default for Text {
    fn default() -> Text {
        Text { ends: vec![0], bytes: Vec::new() }
    }
}

impl Text {
    #[inline]
    pub fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as i32);
    }

    pub fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// Takes the last text back.
    pub fn pop(&mut self) {
        let rows = self.len().saturating_sub(1);
        self.truncate(rows);
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        &self.bytes[self.ends[row] as usize..self.ends[row + 1] as usize]
    }

    pub fn truncate(&mut self, rows: usize) {
        if self.len() > rows {
            self.ends.truncate(rows + 1);
            self.bytes.truncate(self.ends[rows] as usize);
        }
    }

    /// A copy of the texts so far.
    pub fn copied(&self) -> Result<StringArray, arrow::error::ArrowError> {
        array(self.ends.clone(), self.bytes.clone(), None)
    }

    pub fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<StringArray, arrow::error::ArrowError> {
        // Most deliveries are small; one that filled a batch is likely to fill another.
        let filled = self.len() >= BATCH_ROWS;
        let mut fresh = Vec::with_capacity(if filled { BATCH_ROWS + 1 } else { 1 });
        fresh.push(0);
        let ends = std::mem::replace(&mut self.ends, fresh);
        let capacity = if filled { self.bytes.len() } else { 0 };
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(capacity));
        array(ends, bytes, nulls)
    }
}

fn array(ends: Vec<i32>, bytes: Vec<u8>, nulls: Option<NullBuffer>) -> Result<StringArray, arrow::error::ArrowError> {
    StringArray::try_new(OffsetBuffer::new(ScalarBuffer::from(ends)), Buffer::from_vec(bytes), nulls)
}
