//! [`Deserializer`], and what it reads from.

use std::{io::BufRead, marker::PhantomData};

use serde::de::{self, Deserialize, DeserializeOwned, Visitor};

use super::{arena::Value, builder::ArenaBuilder, options::Options, straight, value::ValueDeserializer, walk::Walk};
use crate::{Error, Limits, Machine, OpReader, Strings};

/// Reads the value of the pickle that `input` begins with, with a [`Deserializer`]'s defaults. As with `pickle.loads`, what comes
/// behind the pickle is not looked at.
///
/// Strings and bytes can be borrowed from the input.
///
/// ```
/// use serde::Deserialize;
///
/// #[derive(Deserialize, Debug, PartialEq)]
/// struct City<'a> {
///     name: &'a str,
///     position: (f64, f64),
/// }
///
/// // pickle.dumps({"name": "Vienna", "position": (48.25, 16.5)})
/// let pickle = b"\x80\x04\x953\0\0\0\0\0\0\0}\x94(\x8c\x04name\x94\x8c\x06Vienna\x94\x8c\x08position\x94\
///     G\x40\x48\x20\0\0\0\0\0G\x40\x30\x80\0\0\0\0\0\x86\x94u.";
/// let city: City = pickle_parse::from_slice(pickle)?;
/// assert_eq!(city, City { name: "Vienna", position: (48.25, 16.5) });
/// # Ok::<(), pickle_parse::Error>(())
/// ```
///
/// # Errors
///
/// What CPython's unpickler refuses, what is not of the type that is asked for, and what is beyond a limit. The offset is that
/// of the op that made the value.
pub fn from_slice<'de, T: Deserialize<'de>>(input: &'de [u8]) -> Result<T, Error> {
    Deserializer::from_slice(input).read()
}

/// Reads the value of the next pickle of a stream, with a [`Deserializer`]'s defaults, and nothing behind the pickle.
///
/// ```
/// let file = &b"]\x94(K\x01K\x02e.K\x03."[..]; // anything that is BufRead
/// let mut stream = file;
/// let numbers: Vec<u8> = pickle_parse::from_reader(&mut stream)?;
/// let number: u8 = pickle_parse::from_reader(&mut stream)?;
/// assert_eq!((numbers, number), (vec![1, 2], 3));
/// # Ok::<(), pickle_parse::Error>(())
/// ```
///
/// # Errors
///
/// As [`from_slice`], and what the stream says; [`ErrorKind::RanOut`](crate::ErrorKind::RanOut) where it has ended, and
/// [`ErrorKind::Truncated`](crate::ErrorKind::Truncated) where a frame claims more than the pickle has, since nothing
/// behind that is read.
pub fn from_reader<R: BufRead, T: DeserializeOwned>(reader: R) -> Result<T, Error> {
    Deserializer::from_reader(reader).read()
}

/// Reads values of Rust types from pickles, with choices to be made.
///
/// Where there is one value of a known type to be read, [`read`](Deserializer::read) is the fastest way, and what [`from_slice`]
/// and [`from_reader`] do. For many pickles in a row there is [`into_iter`](Deserializer::into_iter):
///
/// ```
/// use pickle_parse::serde::Deserializer;
///
/// let input = b"K\x01.K\x02.K\x03.";
/// let numbers: Result<Vec<u8>, _> = Deserializer::from_slice(input).into_iter().collect();
/// assert_eq!(numbers?, [1, 2, 3]);
/// # Ok::<(), pickle_parse::Error>(())
/// ```
///
/// A mutable reference to one that reads from a slice is a [`serde::Deserializer`](de::Deserializer), for where serde asks for
/// that:
///
/// ```
/// use pickle_parse::serde::Deserializer;
/// use serde::Deserialize;
///
/// let mut deserializer = Deserializer::from_slice(b"\x8c\x03abc.");
/// assert_eq!(String::deserialize(&mut deserializer)?, "abc");
/// # Ok::<(), pickle_parse::Error>(())
/// ```
#[derive(Debug)]
pub struct Deserializer<S> {
    source: S,
    options: Options,
}

/// A slice that a [`Deserializer`] reads from, pickle after pickle.
#[derive(Clone, Debug)]
pub struct Slice<'de> {
    input: &'de [u8],
    /// Where the next pickle begins.
    offset: usize,
    buffers: Option<Vec<&'de [u8]>>,
}

/// A stream that a [`Deserializer`] reads from, pickle after pickle.
#[derive(Debug)]
pub struct Stream<R> {
    reader: R,
    /// How many bytes were read.
    offset: u64,
    pickle: Vec<u8>,
}

impl<'de> Deserializer<Slice<'de>> {
    /// Reads from a slice.
    #[must_use]
    pub fn from_slice(input: &'de [u8]) -> Self {
        Deserializer { source: Slice { input, offset: 0, buffers: None }, options: Options::DEFAULT }
    }

    /// The buffers that travel beside the pickles (PEP 574), in the order in which `pickle.dumps` gave them to its
    /// `buffer_callback`. They are to serde what `bytes` are.
    ///
    /// ```
    /// use pickle_parse::serde::Deserializer;
    ///
    /// // pickle.dumps([PickleBuffer(b"ab")], protocol=5, buffer_callback=buffers.append)
    /// let pickle = b"\x80\x05\x95\x06\0\0\0\0\0\0\0]\x94\x97\x98a.";
    /// let mut deserializer = Deserializer::from_slice(pickle).buffers([&b"ab"[..]]);
    /// assert_eq!(deserializer.read::<Vec<&[u8]>>()?, [b"ab"]);
    /// # Ok::<(), pickle_parse::Error>(())
    /// ```
    #[must_use]
    pub fn buffers(mut self, buffers: impl IntoIterator<Item = &'de [u8]>) -> Self {
        self.source.buffers = Some(buffers.into_iter().collect());
        self
    }

    /// Reads the value of the next pickle.
    ///
    /// # Errors
    ///
    /// As [`from_slice`]. The next pickle then is the one behind this, if its end can be found.
    pub fn read<T: Deserialize<'de>>(&mut self) -> Result<T, Error> {
        match straight::read(self.rest(), &self.options) {
            Ok((value, length)) => {
                self.source.offset += length;
                Ok(value)
            }
            Err(_) => self.with_next(|value| T::deserialize(value)),
        }
    }

    /// What comes behind the pickles that were read.
    #[must_use]
    pub fn rest(&self) -> &'de [u8] {
        self.source.input.get(self.source.offset..).unwrap_or_default()
    }

    /// Runs the next pickle and hands its value on.
    fn with_next<T>(&mut self, read: impl FnOnce(ValueDeserializer<'_, 'de, '_>) -> Result<T, Error>) -> Result<T, Error> {
        let start = self.source.offset;
        let buffers = self.source.buffers.as_deref();
        let (value, length) = with_pickle(self.rest(), &self.options, buffers, read);
        self.source.offset = start + length;
        value.map_err(|error| error.in_pickle_at(start as u64))
    }
}

/// Runs the pickle that `input` begins with and hands its value on. Returns how long the pickle is, too; where its end cannot be
/// found, that is all the input.
fn with_pickle<'de, T>(
    input: &'de [u8],
    options: &Options,
    buffers: Option<&[&'de [u8]]>,
    read: impl FnOnce(ValueDeserializer<'_, 'de, '_>) -> Result<T, Error>,
) -> (Result<T, Error>, usize) {
    let mut machine = Machine::with_limits(ArenaBuilder::new(input), options.limits);
    let (value, length): (Value, usize) = match machine.run(input) {
        Ok(ran) => ran,
        Err(error) => return (Err(error.into()), input.len()),
    };
    let arena = machine.into_builder().into_arena();
    let mut walk = Walk::new(&input[..length], &arena, options, buffers);
    (read(ValueDeserializer { walk: &mut walk, value }), length)
}

impl<R: BufRead> Deserializer<Stream<R>> {
    /// Reads from where a stream stands. Nothing behind the last pickle that was read is taken from it.
    pub fn from_reader(reader: R) -> Self {
        Deserializer { source: Stream { reader, offset: 0, pickle: Vec::new() }, options: Options::DEFAULT }
    }

    /// Reads the value of the next pickle.
    ///
    /// # Errors
    ///
    /// As [`from_reader`].
    pub fn read<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        match self.next() {
            Some(value) => value,
            None => Err(Error::new(crate::ErrorKind::RanOut, self.source.offset, None)),
        }
    }

    /// The stream, which stands behind the last pickle that was read.
    pub fn into_inner(self) -> R {
        self.source.reader
    }

    fn next<T: DeserializeOwned>(&mut self) -> Option<Result<T, Error>> {
        let Stream { reader, offset, pickle } = &mut self.source;
        pickle.clear();
        let start = *offset;
        let mut ops = OpReader::with_limits(reader, self.options.limits);
        let read = ops.read_pickle(pickle);
        *offset += ops.offset();
        _ = ops.into_inner();
        match read {
            Ok(false) => return None,
            Ok(true) => {}
            Err(error) => return Some(Err(error.in_pickle_at(start))),
        }
        if let Ok((value, _)) = straight::read(pickle, &self.options) {
            return Some(Ok(value));
        }
        let (value, _) = with_pickle(pickle, &self.options, None, |value| T::deserialize(value));
        Some(value.map_err(|error| error.in_pickle_at(start)))
    }
}

impl<S> Deserializer<S> {
    /// How much a pickle may ask for before there are any values.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options.limits = limits;
        self
    }

    /// How many containers and objects may lie within each other: reading them recurses, and the stack has an end. The default
    /// is 128.
    #[must_use]
    pub fn max_depth(mut self, levels: usize) -> Self {
        self.options.max_depth = levels;
        self
    }

    /// How far a pickle may expand, as a multiple of its length: a value that is held in many places is handed over in each of
    /// them. Each value counts one, and strings, bytes and large integers their length in bytes besides. The default is 100;
    /// 1 MiB is always allowed.
    ///
    /// ```
    /// use pickle_parse::{ErrorKind, serde::Deserializer};
    ///
    /// // l = ["lol"]; for _ in range(40): l = [l, l]
    /// let mut laughs = b"]\x8c\x03lola".to_vec();
    /// for level in 0..40 {
    ///     laughs.splice(0..0, [b']', b'(']);
    ///     laughs.extend([b'q', level, b'h', level, b'e']);
    /// }
    /// laughs.push(b'.');
    /// #[derive(serde::Deserialize)]
    /// #[serde(untagged)]
    /// enum Laughs { Text(String), List(Vec<Laughs>) }
    /// let error = pickle_parse::from_slice::<Laughs>(&laughs).err().unwrap();
    /// assert!(matches!(error.kind(), ErrorKind::Limit { limit: 1_048_576, .. }));
    /// ```
    #[must_use]
    pub fn max_expansion(mut self, multiple: u64) -> Self {
        self.options.max_expansion = multiple;
        self
    }

    /// What becomes of the `str`s of Python 2, whose encoding a pickle does not tell. The default, [`Strings::Keep`], is strings
    /// where they are UTF-8, and bytes where they are not.
    #[must_use]
    pub fn strings(mut self, strings: Strings) -> Self {
        self.options.strings = strings;
        self
    }

    /// Whether lone surrogates in `str`s become U+FFFD. They are an error unless given, as Rust's strings cannot hold them; but
    /// as bytes they can be read always, as three bytes each.
    #[must_use]
    pub fn lossy(mut self, lossy: bool) -> Self {
        self.options.lossy = lossy;
        self
    }

    /// The values of all pickles to the end of the input.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "the type of the values is for the caller to choose")]
    pub fn into_iter<T>(self) -> IntoIter<S, T> {
        IntoIter { deserializer: self, failed: false, values: PhantomData }
    }
}

/// The values of many pickles; made by [`Deserializer::into_iter`]. An error is the last item.
#[derive(Debug)]
pub struct IntoIter<S, T> {
    deserializer: Deserializer<S>,
    failed: bool,
    values: PhantomData<fn() -> T>,
}

impl<S, T> IntoIter<S, T> {
    /// The deserializer, behind the last pickle that was read.
    pub fn into_inner(self) -> Deserializer<S> {
        self.deserializer
    }
}

impl<'de, T: Deserialize<'de>> Iterator for IntoIter<Slice<'de>, T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.deserializer.rest().is_empty() {
            return None;
        }
        let value = self.deserializer.read();
        self.failed = value.is_err();
        Some(value)
    }
}

impl<R: BufRead, T: DeserializeOwned> Iterator for IntoIter<Stream<R>, T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let value = self.deserializer.next()?;
        self.failed = value.is_err();
        Some(value)
    }
}

impl<'de, T: Deserialize<'de>> std::iter::FusedIterator for IntoIter<Slice<'de>, T> {}

/// Each method runs the next pickle.
macro_rules! of_next_pickle {
    ($($method:ident($($arg:ident: $type:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $type,)* visitor: V) -> Result<V::Value, Error> {
            self.with_next(|value| value.$method($($arg,)* visitor))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for &mut Deserializer<Slice<'de>> {
    type Error = Error;

    of_next_pickle! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }
}
