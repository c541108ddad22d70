//! [`Popped`]: what comes to stand in the places of objects that `POP` took off the stack.

/// Follows the places on the stack from which `POP` took something, until what comes to stand there is used.
///
/// Heights are how many objects and marks there are.
#[derive(Debug)]
pub(super) struct Popped<V> {
    /// The places, each above those before it.
    places: Vec<Place<V>>,
}

#[derive(Debug)]
struct Place<V> {
    /// By which the builder knows what was taken off.
    popped: usize,
    /// How high the stack was without it.
    height: usize,
    /// What came to stand there, and what stands there now.
    next: Option<[V; 2]>,
}

impl<V: Clone> Popped<V> {
    pub(super) fn new() -> Self {
        Popped { places: Vec::new() }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Something was popped, and left the stack at a height.
    pub(super) fn add(&mut self, popped: usize, height: usize) {
        self.places.push(Place { popped, height, next: None });
    }

    /// An op was executed. Gives a place that is used up, with what stood there at first and at last; there may be more.
    pub(super) fn follow(&mut self, height: usize, top: Option<&V>) -> Option<(usize, [V; 2])> {
        while let Some(place) = self.places.last_mut() {
            if height > place.height {
                // What a call returns takes the place of what was called.
                if height == place.height + 1 {
                    place.next = top.map(|top| match place.next.take() {
                        Some([first, _]) => [first, top.clone()],
                        None => [top.clone(), top.clone()],
                    });
                }
                return None;
            }
            if place.next.is_none() && height == place.height {
                return None;
            }
            let place = self.places.pop()?;
            if let Some(next) = place.next {
                return Some((place.popped, next));
            }
        }
        None
    }

    /// How much memory it takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.places.capacity() * size_of::<Place<V>>()
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
    }
}
