//! [`Class`]: the classes and functions of Python that mean more than their arguments and state.

/// What an object is made by, where that is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// Of no meaning here.
    Other,
    /// `copyreg._reconstructor(class, base, state)`, by which protocols 0 and 1 make instances.
    Reconstructor,
    /// `copyreg.__newobj__(class, *args)`.
    NewObj,
    /// `copyreg.__newobj_ex__(class, args, kwargs)`.
    NewObjEx,
    /// `_codecs.encode(text, encoding)`, by which protocols 0 to 2 write `bytes`.
    Encode,
    /// `bytes` and `bytearray`.
    Bytes,
    /// `getattr(object, name)`, by which Python 3.11 writes members of enums.
    GetAttr,
    /// A sequence or set; without arguments it is empty.
    Sequence,
    /// A dict; without arguments it is empty.
    Mapping,
    /// `datetime.datetime`.
    DateTime,
    /// `datetime.date`.
    Date,
    /// `datetime.time`.
    Time,
    /// `datetime.timezone`.
    TimeZone,
    /// `zoneinfo.ZoneInfo._unpickle(key, from_cache)`.
    ZoneInfo,
    /// `uuid.UUID`.
    Uuid,
    /// A path of POSIX, given in parts.
    Path,
}

impl Class {
    /// What a global is, by the names that Python 2 or 3 has for it.
    pub(super) fn of(module: &[u8], name: &[u8]) -> Class {
        match (module, name) {
            (b"copyreg" | b"copy_reg", b"_reconstructor") => Class::Reconstructor,
            (b"copyreg" | b"copy_reg", b"__newobj__") => Class::NewObj,
            (b"copyreg" | b"copy_reg", b"__newobj_ex__") => Class::NewObjEx,
            (b"_codecs", b"encode") => Class::Encode,
            (b"builtins" | b"__builtin__", name) => match name {
                b"bytes" | b"bytearray" => Class::Bytes,
                b"getattr" => Class::GetAttr,
                b"list" | b"tuple" | b"set" | b"frozenset" => Class::Sequence,
                b"dict" => Class::Mapping,
                _ => Class::Other,
            },
            (b"collections", b"deque") => Class::Sequence,
            (b"collections", b"OrderedDict" | b"defaultdict" | b"Counter") => Class::Mapping,
            (b"datetime", b"datetime") => Class::DateTime,
            (b"datetime", b"date") => Class::Date,
            (b"datetime", b"time") => Class::Time,
            (b"datetime", b"timezone") => Class::TimeZone,
            (b"zoneinfo" | b"zoneinfo._zoneinfo", b"ZoneInfo._unpickle") => Class::ZoneInfo,
            (b"uuid", b"UUID") => Class::Uuid,
            (b"pathlib" | b"pathlib._local", b"PosixPath" | b"PurePosixPath") => Class::Path,
            _ => Class::Other,
        }
    }
}
