//! [`expansion`]: pickles of a few bytes that are without end to whoever follows them: bombs like XML's "billion laughs".

use pickle_graph::Graph;

use super::trace::Trace;

/// From how many objects on, each counted wherever it is held, it is told of.
const MANY: u64 = 100_000_000;

/// How often a list or dict holds itself that is told of. What programs make does so once or twice; from here on, there are more ways
/// of a few steps through it than anybody can go.
const OFTEN: u32 = 16;

/// How many `DUP`s are told of. No pickler writes a single one, since what comes again is in the memo: only bombs are made of them, which
/// double what they hold, or what loading has on its stack, by a byte each.
const MANY_DUPS: u32 = 8;

/// What a pickle expands to, in words, where that is out of proportion.
pub(super) fn expansion(trace: &Trace) -> Option<String> {
    if let Some(objects) = written_out(&trace.graph, trace.length, trace.shares) {
        Some(format!("holds {objects} objects or more, counted for each place that holds one"))
    } else if trace.most_in_itself >= OFTEN {
        Some(format!("holds an object that holds itself {} times", trace.most_in_itself))
    } else if trace.dups >= MANY_DUPS {
        Some(format!("doubles what is on the stack {} times by DUP, which no pickler writes", trace.dups))
    } else {
        None
    }
}

/// How many objects there are where each is counted for each place that holds it, and again with all that it holds: if they are so
/// many that a walk over them, such as `repr`, does not end, and more than the square of the places, which one large object that many
/// hold cannot exceed. An object within itself counts once.
///
/// `length` is how many bytes the pickle has, `shares` how many of its ops push what another made. A way from the pickled object to
/// another is told by which of these it takes, so that each can at most double the number of ways.
fn written_out(graph: &Graph, length: usize, shares: u32) -> Option<u64> {
    if (length as u64).saturating_mul(1 << shares.min(u64::BITS - 1)) <= MANY {
        return None;
    }
    // 0 for what was not come by yet, 1 until all that it holds was counted.
    let mut sizes = vec![0u64; graph.len()];
    let mut largest = 0;
    let mut stack = Vec::new();
    for start in graph.ids() {
        let Some(index) = start.index().filter(|&index| sizes[index] == 0) else { continue };
        sizes[index] = 1;
        stack.push((index, graph.children(start), 1u64));
        while let Some((index, children, sum)) = stack.last_mut() {
            match children.next().map(|child| (child, child.index())) {
                Some((_, None)) => *sum = sum.saturating_add(1),
                Some((child, Some(below))) if sizes[below] == 0 => {
                    sizes[below] = 1;
                    stack.push((below, graph.children(child), 1));
                }
                Some((_, Some(below))) => *sum = sum.saturating_add(sizes[below]),
                None => {
                    let size = *sum;
                    sizes[*index] = size;
                    largest = largest.max(size);
                    stack.pop();
                    if let Some((_, _, sum)) = stack.last_mut() {
                        *sum = sum.saturating_add(size);
                    }
                }
            }
        }
    }
    let places = || graph.ids().map(|id| graph.children(id).count() as u64).sum::<u64>();
    (largest > MANY && largest > places().saturating_pow(2)).then_some(largest)
}
