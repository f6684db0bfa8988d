//! A scope tree in one fixed order, and what of it is published.
//!
//! Everything that chooses runs over this order, so the answer depends on values and ids, never on the order in which
//! siblings arrived. Parents stand before children and siblings side by side, so every walk is a plain loop: a chain
//! of 3,000 levels needs no stack.

use std::ops::Range;

use super::{GuardError, ScopeTree, Shape};

/// Parents before children, siblings adjacent and sorted by id. Node 0 is the company.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// Index of the parent; the root is its own.
    pub parent: Vec<usize>,
    pub children: Vec<Range<usize>>,
}

impl Tree {
    pub fn len(&self) -> usize {
        self.parent.len()
    }

    /// From parents alone, which must already stand before their children, siblings adjacent.
    pub fn from_parents(parent: Vec<usize>) -> Tree {
        let mut children = vec![0..0; parent.len()];
        for v in 1..parent.len() {
            let range: &mut Range<usize> = &mut children[parent[v]];
            if range.end == 0 {
                range.start = v;
            }
            range.end = v + 1;
        }
        Tree { parent, children }
    }

    /// For each node the sum over its subtree of what its own members carry.
    pub fn totals(&self, own: &[i64]) -> Vec<i64> {
        let mut total = own.to_vec();
        for v in (1..total.len()).rev() {
            total[self.parent[v]] += total[v];
        }
        total
    }
}

/// A caller's tree in the fixed order.
pub(super) struct Canon<'a> {
    pub source: &'a ScopeTree,
    pub tree: Tree,
    /// Fixed order -> index in `source.nodes`.
    pub input: Vec<usize>,
    /// People per node, direct members only, and per subtree.
    pub own: Vec<i64>,
    pub total: Vec<i64>,
}

impl<'a> Canon<'a> {
    pub fn new(source: &'a ScopeTree) -> Result<Canon<'a>, GuardError> {
        let wrong = |what| GuardError::malformed(&source.kind, what);
        let nodes = &source.nodes;
        if nodes.is_empty() || nodes[0].parent.is_some() {
            return Err(wrong("node 0 must be the company, without a parent"));
        }
        let mut below: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
        for (index, node) in nodes.iter().enumerate().skip(1) {
            match node.parent {
                Some(parent) if parent < index => below[parent].push(index),
                _ => return Err(wrong("a node's parent must stand before it")),
            }
            if source.shape == Shape::Flat && node.parent != Some(0) {
                return Err(wrong("a flat kind has no levels"));
            }
        }
        let mut ids: Vec<&str> = nodes.iter().skip(1).map(|node| node.id.as_str()).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(wrong("an id stands twice"));
        }
        let mut input = vec![0];
        let mut parent = vec![0];
        let mut next = 0;
        while next < input.len() {
            let children = &mut below[input[next]];
            children.sort_unstable_by(|a, b| nodes[*a].id.cmp(&nodes[*b].id));
            for &child in children.iter() {
                input.push(child);
                parent.push(next);
            }
            next += 1;
        }
        let tree = Tree::from_parents(parent);
        let own: Vec<i64> = input.iter().map(|&i| nodes[i].population).collect();
        let total = tree.totals(&own);
        Ok(Canon { source, tree, input, own, total })
    }

    pub fn id(&self, v: usize) -> &str {
        &self.source.nodes[self.input[v]].id
    }
}

/// Which rows of one tree are published, as a smaller tree of its own.
#[derive(Debug)]
pub(super) struct Layout {
    /// The published nodes, the merged `other` of a flat kind among them.
    pub tree: Tree,
    /// What each published node is: a node of the canonical tree, or `None` for `other`.
    pub node: Vec<Option<usize>>,
    /// Index in the caller's nodes -> the published node in whose residual its direct members are.
    pub group: Vec<usize>,
    /// People per residual, and per published subtree.
    pub own: Vec<i64>,
    pub total: Vec<i64>,
}

impl Layout {
    /// `published` is in canonical order and closed upwards; the root is always in the layout.
    pub fn new(canon: &Canon, published: &[bool]) -> Layout {
        let flat = canon.source.shape == Shape::Flat;
        // Values without people need no row to be counted in.
        let merges = flat && (1..canon.tree.len()).any(|v| !published[v] && canon.own[v] > 0);
        let other = super::OTHER;
        let mut node = vec![Some(0)];
        let mut parent = vec![0];
        let mut group_of = vec![0; canon.tree.len()];
        let mut other_at = None;
        for v in 1..canon.tree.len() {
            if merges && other_at.is_none() && canon.id(v) > other {
                other_at = Some(node.len());
                node.push(None);
                parent.push(0);
            }
            if published[v] {
                group_of[v] = node.len();
                parent.push(group_of[canon.tree.parent[v]]);
                node.push(Some(v));
            } else if !flat {
                group_of[v] = group_of[canon.tree.parent[v]];
            }
        }
        if merges && other_at.is_none() {
            other_at = Some(node.len());
            node.push(None);
            parent.push(0);
        }
        if let Some(at) = other_at {
            for v in (1..canon.tree.len()).filter(|&v| !published[v]) {
                group_of[v] = at;
            }
        }
        let tree = Tree::from_parents(parent);
        let mut group = vec![0; canon.tree.len()];
        let mut own = vec![0; node.len()];
        for v in 0..canon.tree.len() {
            group[canon.input[v]] = group_of[v];
            own[group_of[v]] += canon.own[v];
        }
        let total = tree.totals(&own);
        Layout { tree, node, group, own, total }
    }

    /// Where the merged values of a flat kind are, if any were merged.
    pub fn other(&self) -> Option<usize> {
        self.node.iter().position(Option::is_none)
    }
}

/// Things joined into sets: union–find by path halving, the smaller index the name of its set.
pub(super) struct Merged(Vec<usize>);

impl Merged {
    pub fn new(things: usize) -> Merged {
        Merged((0..things).collect())
    }

    pub fn find(&mut self, mut v: usize) -> usize {
        while self.0[v] != v {
            self.0[v] = self.0[self.0[v]];
            v = self.0[v];
        }
        v
    }

    pub fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        self.0[a.max(b)] = a.min(b);
    }
}
