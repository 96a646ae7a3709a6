//! The response of an operation whose answer is not JSON: conditions and ranges (RFC 9110 §13, §14).

use super::{request::text, response::problem};
use crate::{Code, Download, ETag, Fault, etag::Had};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::{BodyStream, SizedStream},
    http::{Method, StatusCode, header as http},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};

/// Anyone may keep it, for a year.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// From the first to the last byte, both included.
    Bytes(u64, u64),
    /// Nothing that is there.
    None,
}

/// The response to `request`, whose sender has what has the tags of `had`.
pub(super) fn respond(answer: Download, had: Option<&Had>, request: &HttpRequest) -> HttpResponse {
    let is_head = request.method() == Method::HEAD;
    let mut response = HttpResponse::Ok();
    if let Some(etag) = &answer.etag {
        response.insert_header((http::ETAG, etag.as_str()));
    }
    if answer.is_immutable {
        response.insert_header((http::CACHE_CONTROL, IMMUTABLE));
        response.insert_header((http::CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"));
    } else if answer.etag.is_some() {
        // the caller alone may keep a copy, and asks before using it
        response.insert_header((http::CACHE_CONTROL, "private, no-cache"));
    }
    if let (Some(etag), Some(had)) = (&answer.etag, had)
        && had.has(etag)
    {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    if let Some(name) = &answer.file_name {
        response.insert_header((http::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")));
    }
    response.content_type(answer.media_type.as_str());
    let Some(length) = answer.length else {
        return if is_head { response.finish() } else { response.body(BodyStream::new(answer.chunks)) };
    };
    response.insert_header((http::ACCEPT_RANGES, "bytes"));
    if is_head {
        return response.body(SizedStream::new(length, stream::empty::<Result<Bytes, Fault>>()));
    }
    match part(request, answer.etag.as_ref(), length) {
        Part::Whole => response.body(SizedStream::new(length, answer.chunks)),
        Part::Bytes(first, last) => {
            response.status(StatusCode::PARTIAL_CONTENT);
            response.insert_header((http::CONTENT_RANGE, format!("bytes {first}-{last}/{length}")));
            let length = last - first + 1;
            response.body(SizedStream::new(length, Box::pin(cut(answer.chunks, first, length))))
        }
        Part::None => out_of_range(length, response, request),
    }
}

fn out_of_range(length: u64, mut response: HttpResponseBuilder, request: &HttpRequest) -> HttpResponse {
    drop(response.take());
    let fault = Fault::new(Code::RangeNotSatisfiable, format!("There are {length} bytes, and none of them in the range"));
    let mut response = problem(fault.at("/Range", "must begin within them").into(), request);
    if let Ok(value) = http::HeaderValue::from_str(&format!("bytes */{length}")) {
        response.headers_mut().insert(http::CONTENT_RANGE, value);
    }
    response
}

/// The part that a request asks for. A range that is not understood, or several at once, are answered with the whole.
fn part(request: &HttpRequest, etag: Option<&ETag>, length: u64) -> Part {
    let Some(range) = text(request, http::RANGE.as_str()) else { return Part::Whole };
    if request.headers().contains_key(http::IF_RANGE) {
        // the comparison is strong; a date never fits, because there is none
        let tag = text(request, http::IF_RANGE.as_str()).unwrap_or_default().trim();
        if etag.is_none_or(|etag| etag.as_str() != tag) {
            return Part::Whole;
        }
    }
    one_range(range, length)
}

fn one_range(range: &str, length: u64) -> Part {
    let number = |text: &str| if text.bytes().all(|c| c.is_ascii_digit()) { text.parse::<u64>().ok() } else { None };
    let Some((unit, spec)) = range.split_once('=') else { return Part::Whole };
    let Some((first, last)) = spec.trim_matches([' ', '\t']).split_once('-') else { return Part::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Part::Whole;
    }
    match (first, number(first), last, number(last)) {
        // the last ones
        ("", _, _, Some(count)) => match count.min(length) {
            0 => Part::None,
            count => Part::Bytes(length - count, length - 1),
        },
        (_, Some(first), "", _) if first < length => Part::Bytes(first, length - 1),
        (_, Some(first), _, Some(last)) if first <= last && first < length => Part::Bytes(first, last.min(length - 1)),
        (_, Some(first), _, Some(last)) if first > last => Part::Whole,
        (_, Some(_), "", _) | (_, Some(_), _, Some(_)) => Part::None,
        _ => Part::Whole,
    }
}

/// The bytes of a stream from the one at `first`, as many as `length`.
fn cut(
    chunks: impl Stream<Item = Result<Bytes, Fault>> + Unpin,
    first: u64,
    length: u64,
) -> impl Stream<Item = Result<Bytes, Fault>> {
    stream::unfold((chunks, first, length), |(mut chunks, mut skip, mut left)| async move {
        while left > 0 {
            let mut bytes = match chunks.next().await? {
                Ok(bytes) => bytes,
                Err(fault) => return Some((Err(fault), (chunks, 0, 0))),
            };
            let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len());
            bytes = bytes.split_off(skipped);
            skip -= skipped as u64;
            bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            if !bytes.is_empty() {
                left -= bytes.len() as u64;
                return Some((Ok(bytes), (chunks, skip, left)));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_is_understood_and_nothing_else() {
        for (range, expected) in [
            ("bytes=0-0", Part::Bytes(0, 0)),
            ("bytes=0-9", Part::Bytes(0, 9)),
            ("bytes=0-99", Part::Bytes(0, 9)),
            ("Bytes= 3-4 ", Part::Bytes(3, 4)),
            ("bytes=7-", Part::Bytes(7, 9)),
            ("bytes=-3", Part::Bytes(7, 9)),
            ("bytes=-30", Part::Bytes(0, 9)),
            ("bytes=10-", Part::None),
            ("bytes=10-12", Part::None),
            ("bytes=-0", Part::None),
            ("bytes=4-3", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=a-4", Part::Whole),
            ("bytes=+1-4", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=1", Part::Whole),
            ("bytes=99999999999999999999-", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("", Part::Whole),
        ] {
            assert_eq!(one_range(range, 10), expected, "{range}");
        }
        assert_eq!(one_range("bytes=0-", 0), Part::None);
        assert_eq!(one_range("bytes=-1", 0), Part::None);
    }

    #[tokio::test]
    async fn a_stream_is_cut_wherever_its_pieces_end() {
        let text = b"0123456789";
        for piece in 1..=10 {
            for (first, length) in [(0, 10), (0, 1), (9, 1), (3, 4), (1, 9)] {
                let pieces: Vec<_> = text.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
                let parts: Vec<_> = cut(stream::iter(pieces), first, length).collect().await;
                let bytes: Vec<u8> = parts.into_iter().flat_map(|part| part.expect("bytes")).collect();
                assert_eq!(bytes, text[first as usize..(first + length) as usize], "{piece} {first} {length}");
            }
        }
    }
}
