//! Records of a CSV file, which is read piece by piece.

use csv_core::{ReadRecordResult, Reader};
use kernel::Fault;

/// The most columns: those that there are, all attributes of a shop, and translations.
pub(crate) const MAX_COLUMNS: usize = 1_000;
/// The most bytes in the cells of a row. A quotation mark that is not closed reads no further than this.
const MAX_ROW: usize = 1 << 20;

/// A file in pieces.
pub(crate) trait Pieces: Sync {
    /// A piece of the file, from 0; an empty one after the last.
    ///
    /// # Errors
    /// When it cannot be read.
    fn piece(&self, number: u64) -> impl Future<Output = Result<Vec<u8>, Fault>> + Send;
}

/// A record.
#[derive(Debug)]
pub(crate) struct Record {
    /// The line of the file in which it begins, from 1.
    pub(crate) line: u64,
    text: String,
    ends: Vec<usize>,
}

impl Record {
    /// The cells.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|i| self.cell(i))
    }

    /// A cell; empty if there is none.
    pub(crate) fn cell(&self, i: usize) -> &str {
        let start = if i == 0 { Some(0) } else { self.ends.get(i - 1).copied() };
        start.zip(self.ends.get(i)).and_then(|(start, end)| self.text.get(start..*end)).unwrap_or_default()
    }

    /// The number of cells.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether nothing is in it but separators, as spreadsheets write rows that were emptied.
    pub(crate) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// A record that cannot be read.
#[derive(Debug, PartialEq)]
pub(crate) struct Broken {
    pub(crate) line: u64,
    /// The cell, from 0, if it is one.
    pub(crate) cell: Option<usize>,
    pub(crate) reason: String,
}

/// Reads the records of a file.
pub(crate) struct Records<'a, P> {
    pieces: &'a P,
    core: Reader,
    /// Of the next piece.
    number: u64,
    piece: Vec<u8>,
    /// How much of the piece was read.
    at: usize,
    /// No piece follows.
    is_last: bool,
    /// Nothing more can be read.
    has_ended: bool,
    /// Ends of lines so far.
    newlines: u64,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl<'a, P: Pieces> Records<'a, P> {
    pub(crate) fn new(pieces: &'a P) -> Self {
        let (piece, text, ends) = (Vec::new(), vec![0; MAX_ROW / 16], vec![0; MAX_COLUMNS + 1]);
        let (core, number, at, newlines) = (Reader::new(), 0, 0, 0);
        Self { pieces, core, number, piece, at, is_last: false, has_ended: false, newlines, text, ends }
    }

    /// The next record; `None` after the last one. After one that is too large there are no more.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Option<Result<Record, Broken>>, Fault> {
        if self.has_ended {
            return Ok(None);
        }
        let (mut line, mut length, mut count, mut quotes) = (None, 0, 0, 0);
        loop {
            if self.at == self.piece.len() && !self.is_last {
                self.piece = self.pieces.piece(self.number).await?;
                (self.number, self.at, self.is_last) = (self.number + 1, 0, self.piece.is_empty());
            }
            if line.is_none() {
                // ends of lines before a record are no part of it
                let is_end = |b: &&u8| matches!(b, b'\r' | b'\n');
                self.pass(self.piece[self.at..].iter().take_while(is_end).count());
                if self.at == self.piece.len() && !self.is_last {
                    continue;
                }
            }
            let line = *line.get_or_insert(self.newlines + 1);
            let input = &self.piece[self.at..];
            let (result, read, written, ended) = self.core.read_record(input, &mut self.text[length..], &mut self.ends[count..]);
            quotes += input[..read].iter().filter(|b| **b == b'"').count();
            (length, count) = (length + written, count + ended);
            self.pass(read);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.text.len() < MAX_ROW => self.text.resize(self.text.len() * 4, 0),
                ReadRecordResult::OutputFull => {
                    return Ok(self.end(line, "has more than a megabyte: a quotation mark may be missing".into()));
                }
                ReadRecordResult::OutputEndsFull => {
                    return Ok(self.end(line, format!("must have at most {MAX_COLUMNS} cells")));
                }
                ReadRecordResult::Record => return Ok(Some(self.record(line, length, count, quotes))),
                ReadRecordResult::End => {
                    self.has_ended = true;
                    return Ok(None);
                }
            }
        }
    }

    /// Goes on in the piece.
    fn pass(&mut self, bytes: usize) {
        let passed = &self.piece[self.at..self.at + bytes];
        self.newlines += passed.iter().filter(|b| **b == b'\n').count() as u64;
        self.at += bytes;
    }

    fn end(&mut self, line: u64, reason: String) -> Option<Result<Record, Broken>> {
        self.has_ended = true;
        Some(Err(Broken { line, cell: None, reason }))
    }

    fn record(&self, line: u64, length: usize, count: usize, quotes: usize) -> Result<Record, Broken> {
        let broken = |cell, reason: &str| Broken { line, cell, reason: reason.into() };
        if quotes % 2 == 1 {
            return Err(broken(None, "has a quotation mark that is neither closed nor doubled"));
        }
        let ends = &self.ends[..count];
        let not_utf8 = |cell| broken(Some(cell), "must be UTF-8");
        let text = str::from_utf8(&self.text[..length]);
        let text = text.map_err(|e| not_utf8(ends.iter().take_while(|end| **end <= e.valid_up_to()).count()))?;
        match ends.iter().position(|end| !text.is_char_boundary(*end)) {
            Some(cell) => Err(not_utf8(cell)),
            None => Ok(Record { line, text: text.into(), ends: ends.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Cut<'a>(&'a [u8], usize);

    impl Pieces for Cut<'_> {
        async fn piece(&self, number: u64) -> Result<Vec<u8>, Fault> {
            let number = usize::try_from(number).expect("few");
            Ok(self.0.chunks(self.1).nth(number).unwrap_or_default().to_vec())
        }
    }

    async fn read(file: &[u8], size: usize) -> Vec<String> {
        let pieces = Cut(file, size);
        let mut records = Records::new(&pieces);
        let mut all = Vec::new();
        while let Some(record) = records.next().await.expect("readable") {
            all.push(match record {
                Ok(record) => format!("{}: {}", record.line, record.cells().collect::<Vec<_>>().join("|")),
                Err(e) => format!("{}: {:?} {}", e.line, e.cell, e.reason),
            });
        }
        all
    }

    #[tokio::test]
    async fn records_are_read_with_their_lines_however_they_are_cut() {
        for (file, records) in [
            (&b"a,b\nc,d\n"[..], &["1: a|b", "2: c|d"][..]),
            (b"\xef\xbb\xbfa,b\r\n\r\n\"c\r\n\"\"d\"\"\",\r\ne,f", &["1: a|b", "3: c\r\n\"d\"|", "5: e|f"]),
            (b"\n\na\n\n\n", &["3: a"]),
            (b"", &[]),
            (b"\r\n", &[]),
            (
                b"a,\xff\nb,\xc3\n\xc3,\xa9\nc,d",
                &["1: Some(1) must be UTF-8", "2: Some(1) must be UTF-8", "3: Some(0) must be UTF-8", "4: c|d"],
            ),
            (b"a,\"b\nc,\"d\"\ne", &["1: None has a quotation mark that is neither closed nor doubled", "3: e"]),
            (b"a,\"b\nc,d", &["1: None has a quotation mark that is neither closed nor doubled"]),
        ] {
            // a byte order mark is not cut
            for size in [4, 5, 100] {
                assert_eq!(read(file, size).await, records, "{size}");
            }
        }
    }

    #[tokio::test]
    async fn no_row_fills_the_memory() {
        let file = [b"a\n\"".to_vec(), vec![b'x'; MAX_ROW + 1], b"\"\nb".to_vec()].concat();
        assert_eq!(read(&file, 1 << 16).await, ["1: a", "2: None has more than a megabyte: a quotation mark may be missing"]);
        let file = [b",".repeat(MAX_COLUMNS + 1), b"\nb".to_vec()].concat();
        assert_eq!(read(&file, 100).await, ["1: None must have at most 1000 cells"]);
        assert_eq!(read(&[vec![b'x'; MAX_ROW - 1], b"\nb".to_vec()].concat(), 1 << 16).await.len(), 2);
    }
}
