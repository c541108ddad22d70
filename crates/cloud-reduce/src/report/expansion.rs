//! [`expansion`]: how many objects a pickle has for whoever writes each out wherever it is held.

use pickle_graph::Graph;

/// From how many objects on it is told of.
const MANY: u64 = 100_000_000;

/// How many objects there are where each is counted for each place that holds it, and again with all that it holds: if they are so
/// many that a walk over them, such as `repr`, does not end, and more than the square of the places, which one large object that many
/// hold cannot exceed. An object within itself counts once.
///
/// `length` is how many bytes the pickle has, `shares` how many of its ops push what another made. A way from the pickled object to
/// another is told by which of these it takes, so that each can at most double the number of ways.
pub(super) fn expansion(graph: &Graph, length: usize, shares: u32) -> Option<u64> {
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
