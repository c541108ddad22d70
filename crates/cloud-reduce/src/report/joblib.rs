//! [`RawArray`]: where the numbers of an array stand that joblib wrote into the midst of a pickle.

use pickle_graph::{Graph, Node, NodeId};

use super::resolve::{Object, short_text};

/// An array that `joblib.dump` wrote: its numbers follow the `BUILD` of a `NumpyArrayWrapper`.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawArray {
    /// How many bytes its numbers have; `None` where it holds objects, which are a pickle of their own.
    bytes: Option<usize>,
    /// Whether a byte that counts bytes of padding stands before (from joblib 1.2 on).
    padded: bool,
}

/// The class by which joblib announces an array.
const WRAPPER: &str = "NumpyArrayWrapper";

impl RawArray {
    /// The array that an object announces by its state, as far as that can be told.
    pub(super) fn of(graph: &Graph, state: NodeId) -> Option<RawArray> {
        let items = graph.node(state).as_dict()?;
        let get = |wanted: &str| items.iter().rfind(|&&[key, _]| short_text(graph, key) == Some(wanted)).map(|&[_, value]| value);
        let shape = graph.node(get("shape")?).as_tuple()?;
        let count = shape.iter().try_fold(1usize, |count, &side| {
            let side = usize::try_from(graph.node(side).as_int()?).ok()?;
            count.checked_mul(side)
        })?;
        let bytes = match item_size(graph, get("dtype")?)? {
            Some(size) => Some(count.checked_mul(size)?),
            None => None,
        };
        Some(RawArray { bytes, padded: get("numpy_array_alignment_bytes").is_some_and(|bytes| bytes != NodeId::NONE) })
    }

    /// Where the pickle goes on, behind an array whose numbers begin at `position`; `None` where a pickle begins there.
    pub(super) fn end(self, input: &[u8], position: usize) -> Option<usize> {
        let bytes = self.bytes?;
        let padding = match input.get(position) {
            Some(&padding) if self.padded => 1 + usize::from(padding),
            _ => 0,
        };
        Some(position.saturating_add(padding).saturating_add(bytes).min(input.len()))
    }
}

/// Whether an object is one by which joblib knows that an array follows: also of a class that the pickle carries and that inherits
/// joblib's.
pub(super) fn is_announced(graph: &Graph, object: NodeId) -> bool {
    /// How many classes are looked at.
    const MOST: usize = 64;
    // Told of most objects by a look at the name.
    if let Node::NewObj { class, .. } | Node::NewObjEx { class, .. } = graph.node(object)
        && let Node::Global { name, .. } = graph.node(class)
        && name != WRAPPER
    {
        return false;
    }
    let Object::Instance(class) = Object::of(graph, object) else { return false };
    let mut pending = vec![*class];
    for _ in 0..MOST {
        match pending.pop() {
            Some(Object::Named(name)) => {
                if &*name.qualname == WRAPPER && name.module.ends_with("joblib.numpy_pickle") {
                    return true;
                }
            }
            Some(Object::Carried(made)) => {
                let Node::Reduce { args, .. } = graph.node(made) else { continue };
                for &arg in graph.node(args).as_tuple().unwrap_or_default() {
                    let bases = graph.node(arg).as_tuple().unwrap_or_default();
                    pending.extend(bases.iter().take(MOST).map(|&base| Object::of(graph, base)));
                }
            }
            Some(_) => {}
            None => return false,
        }
    }
    true
}

/// How many bytes an item of a dtype has, by `numpy.dtype(text)`; `Some(None)` for objects.
fn item_size(graph: &Graph, dtype: NodeId) -> Option<Option<usize>> {
    let Node::Reduce { callable, args } = graph.node(dtype) else { return None };
    // `StringDType`, whose items joblib pickles as it does objects.
    if matches!(Object::of(graph, callable), Object::Named(name) if &*name.qualname == "_convert_to_stringdtype_kwargs") {
        return Some(None);
    }
    let text = short_text(graph, *graph.node(args).as_tuple()?.first()?)?;
    let (kind, size) = text.trim_start_matches(['<', '>', '=', '|']).split_at_checked(1)?;
    let size: usize = size.parse().ok()?;
    match kind {
        "O" => Some(None),
        "U" => Some(Some(size.checked_mul(4)?)),
        "b" | "i" | "u" | "f" | "c" | "S" | "V" | "M" | "m" => Some(Some(size)),
        _ => None,
    }
}
