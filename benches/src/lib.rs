//! The corpora that the benchmarks run on: pickles at protocol 5, as CPython would write the same objects, generated anew and always
//! the same.

pub mod typed;

use pickle_emit::{Error, graph_to_vec};
use pickle_graph::{Graph, Node, NodeId};

/// A corpus: its name and its pickle.
pub struct Corpus {
    /// What it holds, in a word.
    pub name: &'static str,
    /// The pickle.
    pub pickle: Vec<u8>,
}

/// All corpora: records, floats, strings and blobs.
///
/// # Errors
///
/// None that is known of: what generates them makes nothing that cannot be written.
pub fn corpora() -> Result<Vec<Corpus>, Error> {
    [("records", records as fn(&mut Maker)), ("floats", floats), ("strings", strings), ("blobs", blobs)]
        .into_iter()
        .map(|(name, make)| {
            let mut maker = Maker { graph: Graph::new(), state: 0x9e37_79b9_7f4a_7c15 };
            make(&mut maker);
            Ok(Corpus { name, pickle: graph_to_vec(&maker.graph)? })
        })
        .collect()
}

struct Maker {
    graph: Graph,
    state: u64,
}

impl Maker {
    /// The next number of Marsaglia's xorshift64.
    fn random(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random() % end
    }

    fn str(&mut self, text: &str) -> NodeId {
        self.graph.push(Node::Str(text.into()))
    }

    fn int(&mut self, value: u64) -> NodeId {
        self.graph.push(Node::Int(value as i64))
    }

    fn float(&mut self) -> NodeId {
        let value = self.below(360_000_000) as f64 / 1e6 - 180.0;
        self.graph.push(Node::Float(value))
    }

    fn words(&mut self, count: u64) -> String {
        const WORDS: [&str; 16] = [
            "the", "pickle", "of", "a", "function", "travels", "to", "worker", "größe", "naïve", "data", "学习", "and", "back",
            "again", "😀",
        ];
        (0..count).map(|_| WORDS[self.below(16) as usize]).collect::<Vec<_>>().join(" ")
    }

    fn root(&mut self, items: &[NodeId]) {
        let root = self.graph.push(Node::List(items));
        self.graph.set_root(root);
    }
}

/// 100,000 dicts of mixed fields.
fn records(m: &mut Maker) {
    let keys = ["id", "name", "email", "score", "active", "tags", "address"].map(|key| m.str(key));
    let [street, number, city] = ["street", "number", "city"].map(|key| m.str(key));
    let tags: Vec<NodeId> = ["red", "green", "blue", "large", "small"].into_iter().map(|tag| m.str(tag)).collect();
    let cities: Vec<NodeId> = ["Berlin", "Graz", "Zürich", "Oslo"].into_iter().map(|city| m.str(city)).collect();
    let records: Vec<NodeId> = (0..100_000)
        .map(|id| {
            let own_tags: Vec<NodeId> = (0..m.below(4)).map(|_| tags[m.below(5) as usize]).collect();
            let street_name = format!("{} Street", m.below(1000));
            let address = [
                [street, m.str(&street_name)],
                [number, {
                    let n = m.below(200);
                    m.int(n)
                }],
                [city, cities[m.below(4) as usize]],
            ];
            let values = [
                m.int(id),
                m.str(&format!("Person {id}")),
                m.str(&format!("person{id}@example.org")),
                m.float(),
                m.graph.push(Node::Bool(id % 3 == 0)),
                m.graph.push(Node::List(&own_tags)),
                m.graph.push(Node::Dict(&address)),
            ];
            let items: Vec<[NodeId; 2]> = keys.into_iter().zip(values).map(|(key, value)| [key, value]).collect();
            m.graph.push(Node::Dict(&items))
        })
        .collect();
    m.root(&records);
}

/// 1,000 polygons of 1,000 points of two coordinates.
fn floats(m: &mut Maker) {
    let polygons: Vec<NodeId> = (0..1000)
        .map(|_| {
            let points: Vec<NodeId> = (0..1000)
                .map(|_| {
                    let point = [m.float(), m.float()];
                    m.graph.push(Node::List(&point))
                })
                .collect();
            m.graph.push(Node::List(&points))
        })
        .collect();
    m.root(&polygons);
}

/// 200,000 texts like tweets.
fn strings(m: &mut Maker) {
    let texts: Vec<NodeId> = (0..200_000)
        .map(|_| {
            let count = 5 + m.below(20);
            let text = m.words(count);
            m.str(&text)
        })
        .collect();
    m.root(&texts);
}

/// 64 blobs of 1 MiB.
fn blobs(m: &mut Maker) {
    let blobs: Vec<NodeId> = (0..64)
        .map(|_| {
            let blob: Vec<u8> = (0..1 << 17).flat_map(|_| m.random().to_le_bytes()).collect();
            m.graph.push(Node::Bytes(&blob))
        })
        .collect();
    m.root(&blobs);
}
