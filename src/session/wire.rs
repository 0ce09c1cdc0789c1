//! Messages on a stream: a length of four bytes (little-endian), then that many bytes of JSON.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// No message is longer; a length above this is damage.
const LIMIT: u32 = 256 << 20;

/// Writes one message; the caller flushes.
///
/// # Errors
/// Those of the stream.
pub fn write<T: Serialize>(stream: &mut impl Write, message: &T) -> io::Result<()> {
    let json = serde_json::to_vec(message)?;
    let length = u32::try_from(json.len()).ok().filter(|n| *n <= LIMIT);
    let length = length.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
    stream.write_all(&length.to_le_bytes())?;
    stream.write_all(&json)
}

/// Reads one message; `None` at a clean end of the stream.
///
/// # Errors
/// Those of the stream, and `InvalidData` for a message that is none.
pub fn read<T: DeserializeOwned>(stream: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
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

    #[test]
    fn nonsense_is_an_error_not_a_flood() {
        assert!(read::<Request>(&mut &[0xff, 0xff, 0xff, 0xff, 1][..]).is_err());
        assert!(read::<Request>(&mut &[3, 0, 0, 0, b'{'][..]).is_err());
    }
}
