//! Protocol buffers as far as a profile needs them: numbers, text and messages
//! (<https://protobuf.dev/programming-guides/encoding/>).

/// A message that is being written. Fields with the default value are left out, as proto3 does.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// A field of a whole number (`uint64`, `int64`, `bool`).
    pub(super) fn number(&mut self, field: u32, value: u64) -> &mut Message {
        if value != 0 {
            self.varint(u64::from(field) << 3);
            self.varint(value);
        }
        self
    }

    /// A repeated field of whole numbers, packed.
    pub(super) fn numbers(&mut self, field: u32, values: &[u64]) -> &mut Message {
        if !values.is_empty() {
            let mut packed = Message::default();
            values.iter().for_each(|value| packed.varint(*value));
            self.bytes(field, &packed.bytes);
        }
        self
    }

    /// A field of text. An empty one is written: it may stand in a list.
    pub(super) fn text(&mut self, field: u32, text: &str) -> &mut Message {
        self.bytes(field, text.as_bytes())
    }

    /// A field that is a message.
    pub(super) fn message(&mut self, field: u32, message: &Message) -> &mut Message {
        self.bytes(field, &message.bytes)
    }

    /// What was written.
    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) -> &mut Message {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the encoding's own page.
    #[test]
    fn fields_are_encoded_as_documented() {
        let mut inner = Message::default();
        inner.number(1, 150);
        assert_eq!(inner.bytes, [0x08, 0x96, 0x01]);
        let mut outer = Message::default();
        outer.text(2, "testing").message(3, &inner).numbers(6, &[3, 270, 86942]).number(9, 0);
        let text = b"\x12\x07testing".as_slice();
        let rest = [0x1a, 3, 0x08, 0x96, 0x01, 0x32, 6, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05];
        assert_eq!(outer.finish(), [text, &rest].concat());
    }
}
