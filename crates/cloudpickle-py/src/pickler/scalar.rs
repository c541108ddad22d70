//! Ints, floats, strings, bytes and what else holds no objects.

use pickle_emit::Sink as _;
use pickle_opcodes::{Opcode, Protocol};
use pyo3::{
    buffer::PyBuffer,
    intern,
    prelude::*,
    types::{PyByteArray, PyBytes, PyFloat, PyString, PyTuple},
};

use crate::{failure::Failure, ffi, pickler::walk::Walk};

impl<'py> Walk<'_, 'py> {
    #[inline]
    pub(super) fn save_int(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        match ffi::small_int(object) {
            Some(value) => self.encoder.int(value),
            None => self.save_big_int(object)?,
        }
        Ok(())
    }

    #[cold]
    fn save_big_int(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let py = self.py;
        if self.encoder.protocol() < Protocol::V2 {
            // the interpreter's own conversion, with its limit on digits
            let digits = object.repr()?;
            self.encoder.text(Opcode::Long, format!("{}L", digits.to_str()?).as_bytes());
            return Ok(());
        }
        let bits: usize = object.call_method0(intern!(py, "bit_length"))?.extract()?;
        let arguments = (bits / 8 + 1, intern!(py, "little"));
        let keywords = pyo3::types::PyDict::new(py);
        keywords.set_item(intern!(py, "signed"), true)?;
        let bytes = object.call_method(intern!(py, "to_bytes"), arguments, Some(&keywords))?;
        Ok(self.encoder.long(bytes.cast::<PyBytes>().map_err(Failure::wrong_type)?.as_bytes())?)
    }

    #[inline]
    pub(super) fn save_float(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        self.encoder.float(object.cast::<PyFloat>().map_err(Failure::wrong_type)?.value());
        Ok(())
    }

    #[inline]
    pub(super) fn save_str(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        match ffi::utf8(object.cast::<PyString>().map_err(Failure::wrong_type)?) {
            Ok(utf8) => self.encoder.str(utf8.as_bytes())?,
            Err(_) => self.put_str_with_surrogates(object)?,
        }
        self.memoize(object)
    }

    #[cold]
    fn put_str_with_surrogates(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let arguments = (intern!(self.py, "utf-8"), intern!(self.py, "surrogatepass"));
        let bytes = object.call_method1(intern!(self.py, "encode"), arguments)?;
        Ok(self.encoder.str(bytes.cast::<PyBytes>().map_err(Failure::wrong_type)?.as_bytes())?)
    }

    #[inline(never)]
    pub(super) fn save_bytes(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let bytes = object.cast::<PyBytes>().map_err(Failure::wrong_type)?;
        if self.encoder.protocol() >= Protocol::V3 {
            self.encoder.bytes(bytes.as_bytes())?;
            return self.memoize(object);
        }
        // Python 2 has no such type: it is written as a call that makes a `str` there and `bytes` here.
        if bytes.as_bytes().is_empty() {
            let class = bytes.get_type().into_any();
            return self.save_call(&class, &PyTuple::empty(self.py), Some(object));
        }
        let latin1 = intern!(self.py, "latin1").as_any();
        let arguments = PyTuple::new(self.py, [&object.call_method1(intern!(self.py, "decode"), (latin1,))?, latin1])?;
        self.save_call(&self.state.codecs_encode.bind(self.py).clone(), &arguments, Some(object))
    }

    #[inline(never)]
    pub(super) fn save_bytearray(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let bytearray = object.cast::<PyByteArray>().map_err(Failure::wrong_type)?;
        if self.encoder.protocol() >= Protocol::V5 {
            let buffer = PyBuffer::<u8>::get(object)?;
            if let Some(bytes) = ffi::contiguous_buffer(&buffer) {
                self.encoder.bytearray(bytes)?;
            }
            return self.memoize(object);
        }
        let class = bytearray.get_type().into_any();
        if bytearray.is_empty() {
            return self.save_call(&class, &PyTuple::empty(self.py), Some(object));
        }
        let arguments = PyTuple::new(self.py, [self.py.get_type::<PyBytes>().call1((bytearray,))?])?;
        self.save_call(&class, &arguments, Some(object))
    }

    #[inline(never)]
    pub(super) fn save_pickle_buffer(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        if self.encoder.protocol() < Protocol::V5 {
            return Err(self.error("PickleBuffer can only be pickled with protocol >= 5"));
        }
        // The view that `raw` gives is of contiguous bytes, or an exception.
        let py = self.py;
        let view = match object.call_method0(intern!(py, "raw")) {
            Ok(view) => view,
            Err(error) if error.is_instance_of::<pyo3::exceptions::PyBufferError>(py) => {
                return Err(self.error("PickleBuffer can not be pickled when pointing to a non-contiguous buffer"));
            }
            Err(error) => return Err(error.into()),
        };
        let readonly = view.getattr(intern!(py, "readonly"))?.is_truthy()?;
        let in_band = match &self.hooks.buffer_callback {
            Some(callback) => callback.call1((object,))?.is_truthy()?,
            None => true,
        };
        if !in_band {
            self.encoder.op(Opcode::NextBuffer);
            if readonly {
                self.encoder.op(Opcode::ReadonlyBuffer);
            }
            return Ok(());
        }
        let buffer = PyBuffer::<u8>::get(&view)?;
        let Some(bytes) = ffi::contiguous_buffer(&buffer) else {
            return Err(self.error("PickleBuffer can not be pickled when pointing to a non-contiguous buffer"));
        };
        if readonly {
            self.encoder.bytes(bytes)?;
        } else {
            self.encoder.bytearray(bytes)?;
        }
        debug_assert!(self.encoder.sink().position() >= bytes.len());
        self.memoize(object)
    }
}
