//! [`ByCall`]: `bytes` and `bytearray` where the protocol has no opcode for them, as the calls that CPython writes in their
//! place.

use pickle_opcodes::Opcode;

use crate::{Encoder, Error, Sink};

/// What writes values with an [`Encoder`] and knows what is in the memo.
pub(crate) trait ByCall {
    /// What is written into.
    type Sink: Sink;

    /// The encoder.
    fn encoder(&mut self) -> &mut Encoder<Self::Sink>;

    /// Puts what is on top of the stack in the memo.
    fn memoize_top(&mut self) -> Result<(), Error>;

    /// Writes a class or function by its names in Python 3, or fetches it from the memo.
    fn known_global(&mut self, module: &'static str, name: &'static str) -> Result<(), Error>;

    /// Writes a string that is one object wherever it stands, or fetches it from the memo.
    fn known_str(&mut self, text: &'static str) -> Result<(), Error>;

    /// Writes a string that is a value, and puts it in the memo.
    fn value_str(&mut self, text: &str) -> Result<(), Error>;

    /// Writes `bytes` that are a value, and puts them in the memo.
    fn value_bytes(&mut self, bytes: &[u8]) -> Result<(), Error>;

    /// Writes `bytes` below protocol 3: for Python 2, which makes a `str` of it. The result is not put in the memo.
    fn bytes_by_call(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() {
            self.known_global("builtins", "bytes")?;
            self.encoder().empty_tuple();
        } else {
            self.known_global("_codecs", "encode")?;
            self.encoder().begin_tuple(2);
            let text: String = bytes.iter().copied().map(char::from).collect();
            self.value_str(&text)?;
            self.known_str("latin1")?;
            self.tuple_of_values(2)?;
        }
        self.encoder().op(Opcode::Reduce);
        Ok(())
    }

    /// Writes a `bytearray` below protocol 5. The result is not put in the memo.
    fn bytearray_by_call(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.known_global("builtins", "bytearray")?;
        if bytes.is_empty() {
            self.encoder().empty_tuple();
        } else {
            self.encoder().begin_tuple(1);
            self.value_bytes(bytes)?;
            self.tuple_of_values(1)?;
        }
        self.encoder().op(Opcode::Reduce);
        Ok(())
    }

    /// Writes a tuple of what is on the stack, and puts it in the memo.
    fn tuple_of_values(&mut self, len: usize) -> Result<(), Error> {
        let opcode = self.encoder().tuple_opcode(len);
        self.encoder().op(opcode);
        self.memoize_top()
    }
}
