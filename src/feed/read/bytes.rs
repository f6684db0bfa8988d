//! Bytes to text: unpack, decode, validate, in chunks. What is not text as declared is refused by name.

use std::io::Read;

use bytes::Bytes;
use encoding_rs::{CoderResult, Decoder, UTF_16BE, UTF_16LE, WINDOWS_1252};
use flate2::bufread::GzDecoder;

use crate::feed::feed::{FileFormat, TextEncoding};
use crate::feed::limits::Limits;
use crate::feed::reject::{Reason, Refusal};

/// Bytes asked of the unpacker at a time.
const CHUNK: usize = 256 << 10;
/// The ratio says nothing about files smaller than this.
const RATIO_FROM: u64 = 64 << 10;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const UTF8_BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// A stream of validated UTF-8 text.
pub(crate) struct Text<'a> {
    unpacked: Unpacked<'a>,
    decoder: Option<Decoder>,
    encoding: TextEncoding,
    format: FileFormat,
    /// Bytes at the end of the last chunk that begin a character.
    partial: Vec<u8>,
    started: bool,
    ended: bool,
    /// Bytes of text that were found valid.
    passed: u64,
    /// Length of a byte order mark that was stripped.
    pub skipped: u64,
    /// The text so far ends in a line end.
    pub ends_in_newline: bool,
    /// NUL bytes stand in the text so far: the record of each is spoiled.
    pub nul_seen: bool,
}

impl<'a> Text<'a> {
    pub fn new(
        bytes: &'a Bytes,
        limits: &Limits,
        encoding: TextEncoding,
        format: FileFormat,
    ) -> Result<Text<'a>, Refusal> {
        Ok(Text {
            unpacked: Unpacked::new(bytes, limits)?,
            decoder: None,
            encoding,
            format,
            partial: Vec::new(),
            started: false,
            ended: false,
            passed: 0,
            skipped: 0,
            ends_in_newline: false,
            nul_seen: false,
        })
    }

    /// Appends the next piece of text to `out`. `false`: there is no more.
    pub fn fill(&mut self, out: &mut Vec<u8>) -> Result<bool, Refusal> {
        if self.ended {
            return Ok(false);
        }
        let from = out.len();
        if !self.started {
            self.started = true;
            let mut head = Vec::new();
            while head.len() < 512 && self.unpacked.fill(&mut head)? {}
            if head.is_empty() {
                return Err(Refusal::new(Reason::EmptyFile, ""));
            }
            let mark = self.start(&head)?;
            self.skipped = mark as u64;
            self.decode(&head[mark..], out, false)?;
        } else if self.decoder.is_some() || !self.partial.is_empty() {
            let mut raw = std::mem::take(&mut self.partial);
            self.ended = !self.unpacked.fill(&mut raw)?;
            let ended = self.ended;
            self.decode(&raw, out, ended)?;
        } else {
            // The common case: UTF-8 straight into the reader's buffer.
            self.ended = !self.unpacked.fill(out)?;
            self.validate(out, from)?;
        }
        if let Some(last) = out[from..].last() {
            self.ends_in_newline = *last == b'\n';
        }
        Ok(!self.ended || out.len() > from)
    }

    /// Looks at the first bytes: returns the length of the byte order mark.
    fn start(&mut self, head: &[u8]) -> Result<usize, Refusal> {
        let utf16_mark = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
        // UTF-16 without a mark has a NUL in its first characters already.
        if self.encoding != TextEncoding::Utf16 && !utf16_mark {
            self.sniff(head)?;
        }
        if self.encoding != TextEncoding::Utf16 && !utf16_mark && head.iter().take(4).any(|byte| *byte == 0) {
            return Err(Refusal::new(Reason::Encoding, "the text begins with NUL bytes"));
        }
        match self.encoding {
            TextEncoding::Utf8 => {
                if utf16_mark {
                    let refusal = Refusal::new(Reason::Encoding, "the file is UTF-16, the feed declares UTF-8");
                    return Err(refusal.declared(None, Some("`encoding = \"utf-16\"` would read it".into())));
                }
                let mark = if head.starts_with(&UTF8_BOM) { UTF8_BOM.len() } else { 0 };
                self.sniff(&head[mark..])?;
                Ok(mark)
            }
            TextEncoding::Windows1252 => {
                if utf16_mark || head.starts_with(&UTF8_BOM) {
                    let what = "the file has a Unicode byte order mark, the feed declares Windows-1252";
                    let nearest = if utf16_mark { "utf-16" } else { "utf-8" };
                    let refusal = Refusal::new(Reason::Encoding, what);
                    let nearest = format!("`encoding = \"{nearest}\"` would read it");
                    return Err(refusal.declared(None, Some(nearest)));
                }
                self.sniff(head)?;
                self.decoder = Some(WINDOWS_1252.new_decoder_without_bom_handling());
                Ok(0)
            }
            TextEncoding::Utf16 => {
                // Without a mark the byte order would be a guess.
                let decoder = match head {
                    [0xff, 0xfe, ..] => UTF_16LE.new_decoder_without_bom_handling(),
                    [0xfe, 0xff, ..] => UTF_16BE.new_decoder_without_bom_handling(),
                    _ => {
                        return Err(Refusal::new(
                            Reason::Encoding,
                            "the feed declares UTF-16 and the file has no byte order mark",
                        ));
                    }
                };
                self.decoder = Some(decoder);
                Ok(2)
            }
        }
    }

    /// Refuses by name what is plainly something else: error pages, archives, spreadsheets.
    fn sniff(&self, head: &[u8]) -> Result<(), Refusal> {
        let reason = if self.format == FileFormat::Csv { Reason::NotCsv } else { Reason::NotNdjson };
        let trimmed = head.trim_ascii_start();
        let lower: Vec<u8> = trimmed.iter().take(16).map(u8::to_ascii_lowercase).collect();
        let what = match head {
            [b'P', b'K', 3 | 5 | 7, ..] => "a ZIP archive or spreadsheet",
            [b'%', b'P', b'D', b'F', ..] => "a PDF",
            [b'P', b'A', b'R', b'1', ..] => "a Parquet file",
            [0xd0, 0xcf, 0x11, 0xe0, ..] => "an old spreadsheet",
            [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => "packed twice",
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', ..] | [0xfd, b'7', b'z', b'X', b'Z', ..] => {
                "packed in a way the product does not read"
            }
            _ if lower.starts_with(b"<!doctype")
                || lower.starts_with(b"<html")
                || lower.starts_with(b"<head")
                || lower.starts_with(b"<body") =>
            {
                "a web page"
            }
            _ if self.format == FileFormat::Csv && (trimmed.starts_with(b"{\"") || trimmed.starts_with(b"[{")) => {
                "JSON"
            }
            _ if lower.starts_with(b"<?xml") || lower.starts_with(b"<error") || lower.starts_with(b"<soap") => "XML",
            _ => return Ok(()),
        };
        let refusal = Refusal::new(reason, what);
        if super::xlsx::is_workbook(head) {
            return Err(refusal.declared(None, Some("`format = \"xlsx\"` would read it".into())));
        }
        Err(refusal)
    }

    fn decode(&mut self, raw: &[u8], out: &mut Vec<u8>, last: bool) -> Result<(), Refusal> {
        let from = out.len();
        let Some(decoder) = &mut self.decoder else {
            out.extend_from_slice(raw);
            return self.validate(out, from);
        };
        let mut rest = raw;
        let mut text = String::with_capacity(decoder.max_utf8_buffer_length(raw.len()).unwrap_or(raw.len() * 3 + 16));
        loop {
            let (result, read, malformed) = decoder.decode_to_string(rest, &mut text, last);
            if malformed {
                return Err(Refusal::new(Reason::Encoding, "the file is not in the declared encoding"));
            }
            rest = &rest[read..];
            match result {
                CoderResult::InputEmpty => break,
                CoderResult::OutputFull => text.reserve(rest.len() * 3 + 16),
            }
        }
        out.extend_from_slice(text.as_bytes());
        self.nul_seen |= out[from..].contains(&0);
        Ok(())
    }

    /// Checks the text from `from` on; a character cut in half waits for the next chunk.
    fn validate(&mut self, out: &mut Vec<u8>, from: usize) -> Result<(), Refusal> {
        self.nul_seen |= out[from..].contains(&0);
        if let Err(error) = std::str::from_utf8(&out[from..]) {
            let cut = from + error.valid_up_to();
            if error.error_len().is_some() || self.ended {
                // Any bytes can be read as Windows-1252, so what is no UTF-8 mostly is that.
                let nearest = "`encoding = \"windows-1252\"` would read it".to_owned();
                let offset = self.skipped + self.passed + (cut - from) as u64;
                let refusal = Refusal { byte_offset: Some(offset), ..Refusal::new(Reason::InvalidUtf8, "") };
                return Err(refusal.declared(Some("`encoding = \"utf-8\"`".into()), Some(nearest)));
            }
            self.partial = out.split_off(cut);
        }
        self.passed += (out.len() - from) as u64;
        Ok(())
    }
}

/// A stream of unpacked bytes: the magic number decides, not the name.
pub(crate) struct Unpacked<'a> {
    stream: Stream<'a>,
    packed: u64,
    unpacked: u64,
    limit: u64,
    ratio: u64,
}

enum Stream<'a> {
    Plain(&'a [u8]),
    Gzip(Box<GzDecoder<&'a [u8]>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, &'a [u8]>>),
    Ended,
}

impl<'a> Unpacked<'a> {
    pub fn new(bytes: &'a [u8], limits: &Limits) -> Result<Unpacked<'a>, Refusal> {
        if bytes.is_empty() {
            return Err(Refusal::new(Reason::EmptyFile, ""));
        }
        let stream = match member(bytes)? {
            Some(stream) => stream,
            None => Stream::Plain(bytes),
        };
        Ok(Unpacked {
            stream,
            packed: bytes.len() as u64,
            unpacked: 0,
            limit: limits.decompressed_bytes,
            ratio: limits.ratio,
        })
    }

    /// Appends the next bytes to `out`. `false`: there are no more.
    pub fn fill(&mut self, out: &mut Vec<u8>) -> Result<bool, Refusal> {
        let from = out.len();
        loop {
            let (count, packed) = match &mut self.stream {
                Stream::Ended => return Ok(out.len() > from),
                Stream::Plain(rest) => {
                    let (now, later) = rest.split_at(rest.len().min(CHUNK));
                    out.extend_from_slice(now);
                    *rest = later;
                    (now.len(), false)
                }
                Stream::Gzip(decoder) => (read(decoder, out)?, true),
                Stream::Zstd(decoder) => (read(decoder, out)?, true),
            };
            self.unpacked += count as u64;
            if self.unpacked > self.limit {
                return Err(Refusal::new(Reason::DecompressionLimit, format!("more than {} bytes", self.limit)));
            }
            if packed && self.unpacked > RATIO_FROM && self.unpacked / self.packed.max(1) > self.ratio {
                return Err(Refusal::new(
                    Reason::DecompressionLimit,
                    format!("more than {} times its size", self.ratio),
                ));
            }
            if count > 0 {
                return Ok(true);
            }
            self.next_member()?;
        }
    }

    /// After the end of a gzip member or zstd frame: the next one, the end, or something that does not belong there.
    fn next_member(&mut self) -> Result<(), Refusal> {
        let rest: &[u8] = match std::mem::replace(&mut self.stream, Stream::Ended) {
            Stream::Plain(_) | Stream::Ended => return Ok(()),
            Stream::Gzip(decoder) => decoder.into_inner(),
            Stream::Zstd(decoder) => decoder.finish(),
        };
        if rest.is_empty() {
            return Ok(());
        }
        match member(rest)? {
            Some(stream) => self.stream = stream,
            None => {
                return Err(Refusal::new(Reason::CorruptCompressed, "data follows the end of the compressed stream"));
            }
        }
        Ok(())
    }
}

fn member(bytes: &[u8]) -> Result<Option<Stream<'_>>, Refusal> {
    if bytes.starts_with(&GZIP) {
        return Ok(Some(Stream::Gzip(Box::new(GzDecoder::new(bytes)))));
    }
    let skippable = matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    if bytes.starts_with(&ZSTD) || skippable {
        let decoder = zstd::stream::read::Decoder::with_buffer(bytes).map_err(|cause| packed_error(&cause))?;
        return Ok(Some(Stream::Zstd(Box::new(decoder.single_frame()))));
    }
    Ok(None)
}

fn read(decoder: &mut impl Read, out: &mut Vec<u8>) -> Result<usize, Refusal> {
    let from = out.len();
    out.resize(from + CHUNK, 0);
    let mut filled = from;
    // A decoder may give little at a time; a full chunk saves the validation its start-up.
    let result = loop {
        match decoder.read(&mut out[filled..]) {
            Ok(0) => break Ok(filled - from),
            Ok(count) => {
                filled += count;
                if filled == out.len() {
                    break Ok(filled - from);
                }
            }
            Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => {}
            Err(cause) => break Err(packed_error(&cause)),
        }
    };
    out.truncate(filled);
    result
}

fn packed_error(cause: &std::io::Error) -> Refusal {
    let text = cause.to_string();
    if text.contains("too much memory") {
        return Refusal::new(Reason::DecompressionLimit, "the window is larger than the product allows");
    }
    let reason = match cause.kind() {
        std::io::ErrorKind::UnexpectedEof => Reason::TruncatedCompressed,
        _ => Reason::CorruptCompressed,
    };
    Refusal::new(reason, "")
}
