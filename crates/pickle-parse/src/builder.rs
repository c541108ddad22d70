//! [`Builder`]: what the objects are that the machine puts together.

/// Objects taken off the stack, the bottommost first.
pub type Items<'a, V> = std::vec::Drain<'a, V>;

/// Makes the objects that a pickle describes.
///
/// The machine calls it in the order in which CPython's unpickler makes them. Whatever a method returns as an error ends the run
/// and comes back as [`MachineError::Builder`](crate::MachineError::Builder), with the offset and the opcode.
pub trait Builder {
    /// What the stack and the memo hold. Cloning it is cheap: an id, a reference count.
    type Value: Clone;
    /// Why an object could not be made, such as a Python exception.
    type Error;

    /// The op at this offset, in bytes from the start of the input, is executed next.
    #[inline]
    fn at(&mut self, offset: u64) {
        let _ = offset;
    }

    /// How much memory what was built so far takes, in bytes, to be held to [`Limits::memory`](crate::Limits::memory). It is
    /// asked often, and must not take longer for having built more. 0 unless a builder tells.
    fn memory(&self) -> usize {
        0
    }

    /// A frame begins, which stands at this offset and holds `length` bytes behind its own nine. It matters to no object.
    #[inline]
    fn frame(&mut self, offset: u64, length: u64) {
        let _ = (offset, length);
    }

    /// `PROTO` was read (0 is told at the start of every run). It matters to the names of globals.
    ///
    /// # Errors
    ///
    /// Where the builder does not read this protocol.
    fn proto(&mut self, version: u8) -> Result<(), Self::Error> {
        let _ = version;
        Ok(())
    }

    /// `None`.
    ///
    /// # Errors
    ///
    /// As every method of this trait: what the builder cannot make.
    fn none(&mut self) -> Result<Self::Value, Self::Error>;

    /// A `bool`.
    #[expect(clippy::missing_errors_doc)]
    fn bool(&mut self, value: bool) -> Result<Self::Value, Self::Error>;

    /// An `int` that `INT`, `BININT`, `BININT1` or `BININT2` wrote.
    #[expect(clippy::missing_errors_doc)]
    fn int(&mut self, value: i64) -> Result<Self::Value, Self::Error>;

    /// An `int` that `LONG`, `LONG1` or `LONG4` wrote, or one that `INT` wrote and that does not fit 64 bits, in little-endian
    /// two's complement. It can be of any size, may have more bytes than it needs, and is 0 where it has none.
    #[expect(clippy::missing_errors_doc)]
    fn long(&mut self, twos_complement_le: &[u8]) -> Result<Self::Value, Self::Error>;

    /// A `float`.
    #[expect(clippy::missing_errors_doc)]
    fn float(&mut self, value: f64) -> Result<Self::Value, Self::Error>;

    /// A `str`: bytes that should be UTF-8 in which lone surrogates may stand (`surrogatepass`). The machine has not checked it.
    #[expect(clippy::missing_errors_doc)]
    fn str(&mut self, utf8: &[u8]) -> Result<Self::Value, Self::Error>;

    /// A `str` of Python 2, its escapes undone: bytes whose encoding the pickle does not tell.
    #[expect(clippy::missing_errors_doc)]
    fn string(&mut self, bytes: &[u8]) -> Result<Self::Value, Self::Error>;

    /// A `bytes` object.
    #[expect(clippy::missing_errors_doc)]
    fn bytes(&mut self, bytes: &[u8]) -> Result<Self::Value, Self::Error>;

    /// A `bytearray`.
    #[expect(clippy::missing_errors_doc)]
    fn bytearray(&mut self, bytes: &[u8]) -> Result<Self::Value, Self::Error>;

    /// The next out-of-band buffer.
    #[expect(clippy::missing_errors_doc)]
    fn next_buffer(&mut self) -> Result<Self::Value, Self::Error>;

    /// A read-only view of an out-of-band buffer.
    #[expect(clippy::missing_errors_doc)]
    fn readonly_buffer(&mut self, buffer: Self::Value) -> Result<Self::Value, Self::Error>;

    /// An empty list, to be filled.
    #[expect(clippy::missing_errors_doc)]
    fn empty_list(&mut self) -> Result<Self::Value, Self::Error>;

    /// An empty dict, to be filled.
    #[expect(clippy::missing_errors_doc)]
    fn empty_dict(&mut self) -> Result<Self::Value, Self::Error>;

    /// An empty set, to be filled.
    #[expect(clippy::missing_errors_doc)]
    fn empty_set(&mut self) -> Result<Self::Value, Self::Error>;

    /// The empty tuple.
    #[expect(clippy::missing_errors_doc)]
    fn empty_tuple(&mut self) -> Result<Self::Value, Self::Error>;

    /// A tuple.
    #[expect(clippy::missing_errors_doc)]
    fn tuple(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;

    /// `TUPLE` made this tuple of one to three items, for which protocol 2 and later have opcodes without a mark.
    #[inline]
    fn long_tuple(&mut self, tuple: &Self::Value) {
        let _ = tuple;
    }

    /// A list with its items; more can follow.
    #[expect(clippy::missing_errors_doc)]
    fn list(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;

    /// A dict with its items, key and value alternating; the machine has checked that no value is missing. More can follow.
    #[expect(clippy::missing_errors_doc)]
    fn dict(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;

    /// A frozenset.
    #[expect(clippy::missing_errors_doc)]
    fn frozenset(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;

    /// Appends to a list, or to an object that takes appended items.
    #[expect(clippy::missing_errors_doc)]
    fn append(&mut self, list: &Self::Value, item: Self::Value) -> Result<(), Self::Error>;

    /// Appends all of `items`, of which there is at least one unless the rules have [empty batches](crate::Rules::empty_batches).
    #[expect(clippy::missing_errors_doc)]
    fn extend(&mut self, list: &Self::Value, items: Items<'_, Self::Value>) -> Result<(), Self::Error>;

    /// Sets an item of a dict, or of an object that takes set items.
    #[expect(clippy::missing_errors_doc)]
    fn set_item(&mut self, dict: &Self::Value, key: Self::Value, value: Self::Value) -> Result<(), Self::Error>;

    /// Sets all of `items`, key and value alternating, of which there is at least one pair and no value is missing.
    #[expect(clippy::missing_errors_doc)]
    fn set_items(&mut self, dict: &Self::Value, items: Items<'_, Self::Value>) -> Result<(), Self::Error>;

    /// Adds all of `items` to a set, or to an object that takes added items. There is at least one unless the rules have
    /// [empty batches](crate::Rules::empty_batches).
    #[expect(clippy::missing_errors_doc)]
    fn add_items(&mut self, set: &Self::Value, items: Items<'_, Self::Value>) -> Result<(), Self::Error>;

    /// `APPENDS`, `SETITEMS` or `ADDITEMS` had nothing to give to this object.
    #[inline]
    fn no_items(&mut self, target: &Self::Value) {
        let _ = target;
    }

    /// A global by the names on `GLOBAL`'s two lines, neither empty. CPython reads them as UTF-8.
    #[expect(clippy::missing_errors_doc)]
    fn global(&mut self, module: &[u8], name: &[u8]) -> Result<Self::Value, Self::Error>;

    /// A global by names that are objects. CPython takes nothing but `str`.
    #[expect(clippy::missing_errors_doc)]
    fn stack_global(&mut self, module: Self::Value, name: Self::Value) -> Result<Self::Value, Self::Error>;

    /// The object of an extension code (`copyreg.add_extension`), which is above 0.
    #[expect(clippy::missing_errors_doc)]
    fn extension(&mut self, code: i32) -> Result<Self::Value, Self::Error>;

    /// What `callable` returns for the tuple `args`.
    #[expect(clippy::missing_errors_doc)]
    fn reduce(&mut self, callable: Self::Value, args: Self::Value) -> Result<Self::Value, Self::Error>;

    /// What `class.__new__` returns for the tuple `args`.
    #[expect(clippy::missing_errors_doc)]
    fn new_obj(&mut self, class: Self::Value, args: Self::Value) -> Result<Self::Value, Self::Error>;

    /// What `class.__new__` returns for the tuple `args` and the dict `kwargs`.
    #[expect(clippy::missing_errors_doc)]
    fn new_obj_ex(&mut self, class: Self::Value, args: Self::Value, kwargs: Self::Value) -> Result<Self::Value, Self::Error>;

    /// An instance of the class named on `INST`'s two lines, neither empty. CPython reads them as ASCII.
    #[expect(clippy::missing_errors_doc)]
    fn inst(&mut self, module: &[u8], name: &[u8], args: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;

    /// An instance of a class.
    #[expect(clippy::missing_errors_doc)]
    fn obj(&mut self, class: Self::Value, args: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;

    /// Gives an object its state.
    #[expect(clippy::missing_errors_doc)]
    fn build(&mut self, object: &Self::Value, state: Self::Value) -> Result<(), Self::Error>;

    /// The persistent object of the id on `PERSID`'s line. CPython reads it as ASCII.
    #[expect(clippy::missing_errors_doc)]
    fn persistent_id(&mut self, id: &[u8]) -> Result<Self::Value, Self::Error>;

    /// The persistent object of an id that is an object.
    #[expect(clippy::missing_errors_doc)]
    fn bin_persistent_id(&mut self, id: Self::Value) -> Result<Self::Value, Self::Error>;

    /// An object was put into the memo at this index.
    #[inline]
    fn memoized(&mut self, index: usize, value: &Self::Value) {
        let _ = (index, value);
    }

    /// An object came off the stack unused: by `POP` or `POP_MARK`, or because the run ended.
    ///
    /// A builder that [follows](Self::FOLLOWS_POPPED) those that `POP` takes off returns a number for those that it wants to hear
    /// more of: see [`replaced`](Self::replaced).
    #[inline]
    fn discard(&mut self, value: Self::Value) -> Option<usize> {
        drop(value);
        None
    }

    /// Whether the machine finds out what comes to stand in the place of what `POP` took off the stack.
    const FOLLOWS_POPPED: bool = false;

    /// In the place on the stack of an object that `POP` took off, another came to stand, `first`, and the last that stood there
    /// was used; it is the same, or was made of it, as what a call returns is. They may have been made long before, and come from
    /// the memo. `popped` is the number that [`discard`](Self::discard) returned.
    #[inline]
    fn replaced(&mut self, popped: usize, first: &Self::Value, last: &Self::Value) {
        let _ = (popped, first, last);
    }
}
