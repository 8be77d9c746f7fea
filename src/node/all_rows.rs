//! All rows that a node has in memory, for a store that lost its file.

use super::row::{Key, ListItem, Row, RowChange};
use super::{Node, seed_change};
use crate::types::{Delta, Overlay};

impl Node {
    /// The image of every row that there is, whether it was stored or not. What was changed and not taken yet is to be taken
    /// first ([`Node::take_dirty`]): of what was removed there is no image.
    pub fn all_rows(&self) -> Vec<RowChange> {
        let mut rows: Vec<RowChange> = Vec::new();
        let mut add = |key, row| rows.push(RowChange { key, row: Some(row) });
        self.switch.bans().for_each(|ban| add(Key::Ban(ban.target), Row::Ban(ban.clone())));
        let lists = [
            deltas(self.switch.persistent(), ListItem::Persistent),
            deltas(self.switch.unconditional(), ListItem::Unconditional),
            deltas(self.book.private(), ListItem::Private),
        ];
        lists.into_iter().flatten().for_each(|delta| add(Key::Delta(delta.item.clone()), Row::Delta(delta)));
        self.pex.anchors().for_each(|(slot, anchor)| add(Key::Anchor(slot), Row::Anchor(anchor)));
        self.book.trace_records().for_each(|trace| add(Key::Trace(trace.hash), Row::Trace(trace)));
        let records = self.book.page(None, usize::MAX);
        records.into_iter().for_each(|record| add(Key::Address(record.address), Row::Address(record)));
        rows.extend(self.pex.seed_rows().into_iter().map(seed_change));
        rows
    }
}

fn deltas<T: Ord + Clone>(list: &Overlay<T>, of: impl Fn(T) -> ListItem + Copy) -> Vec<Delta<ListItem>> {
    list.deltas().map(|delta| delta.clone().map(of)).collect()
}
