//! Messages on a stream: a length of four bytes (little-endian), then that many bytes of JSON.

use std::io::{self, BufRead, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// No message is longer; a length above this is damage.
const LIMIT: u32 = 256 << 20;
/// Bytes in front of a message.
const PREFIX: usize = 4;

/// Writes one message; the caller flushes.
///
/// # Errors
/// Those of the stream.
pub fn write<T: Serialize>(stream: &mut impl Write, message: &T) -> io::Result<()> {
    let mut bytes = Vec::new();
    append(&mut bytes, message)?;
    stream.write_all(&bytes)
}

/// Puts one message behind others that are to be written with it.
///
/// # Errors
/// When it is longer than any may be; nothing is appended then.
pub fn append<T: Serialize>(bytes: &mut Vec<u8>, message: &T) -> io::Result<()> {
    let start = bytes.len();
    bytes.extend([0; PREFIX]);
    let done = serde_json::to_writer(&mut *bytes, message).map_err(io::Error::from);
    let length = u32::try_from(bytes.len() - start - PREFIX).ok().filter(|n| *n <= LIMIT);
    let length = length.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge));
    match done.and(length) {
        Ok(length) => bytes[start..start + PREFIX].copy_from_slice(&length.to_le_bytes()),
        Err(error) => {
            bytes.truncate(start);
            return Err(error);
        }
    }
    Ok(())
}

/// Reads one message; `None` at a clean end of the stream.
///
/// # Errors
/// Those of the stream, and `InvalidData` for a message that is none.
pub fn read<T: DeserializeOwned>(stream: &mut impl BufRead) -> io::Result<Option<T>> {
    // Most messages are in the buffer as a whole, and are read where they are.
    if let Ok(there) = stream.fill_buf()
        && let Some((length, rest)) = there.split_first_chunk::<PREFIX>()
        && let Some(json) = rest.get(..u32::from_le_bytes(*length) as usize)
    {
        let message = serde_json::from_slice(json);
        let taken = PREFIX + json.len();
        stream.consume(taken);
        return Ok(Some(message?));
    }
    let mut length = [0; PREFIX];
    match stream.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length);
    if length > LIMIT {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message longer than any that we send"));
    }
    let mut json = Vec::new();
    stream.take(u64::from(length)).read_to_end(&mut json)?;
    Ok(Some(serde_json::from_slice(&json)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::protocol::Request;

    #[test]
    fn messages_survive_the_stream() {
        let mut stream = Vec::new();
        let sent =
            [Request::Interrupt, Request::Line { id: 7, text: "p \"ä\"\n".into() }, Request::Synced(1)];
        for request in &sent {
            write(&mut stream, request).unwrap();
        }
        let mut reader = &stream[..];
        for request in sent {
            assert_eq!(read::<Request>(&mut reader).unwrap(), Some(request));
        }
        assert_eq!(read::<Request>(&mut reader).unwrap(), None);
    }

    /// However few bytes come at a time.
    #[test]
    fn messages_are_read_across_the_ends_of_buffers() {
        let sent: Vec<Request> =
            (0..40).map(|id| Request::Line { id, text: "x".repeat(id as usize * 7) }).collect();
        let mut bytes = Vec::new();
        sent.iter().for_each(|request| append(&mut bytes, request).unwrap());
        for size in [1, 3, 4, 5, 64, 100, 1000, 100_000] {
            let mut reader = io::BufReader::with_capacity(size, &bytes[..]);
            for request in &sent {
                assert_eq!(read::<Request>(&mut reader).unwrap().as_ref(), Some(request), "{size}");
            }
            assert_eq!(read::<Request>(&mut reader).unwrap(), None);
        }
    }

    #[test]
    fn nonsense_is_an_error_not_a_flood() {
        assert!(read::<Request>(&mut &[0xff, 0xff, 0xff, 0xff, 1][..]).is_err());
        assert!(read::<Request>(&mut &[3, 0, 0, 0, b'{'][..]).is_err());
    }
}
