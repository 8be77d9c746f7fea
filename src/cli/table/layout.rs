//! Which columns stand where in a terminal of some width.

use super::Column;

/// Between two columns.
pub(super) const GAP: u16 = 2;
/// Before lines that belong to the one above.
pub(super) const INDENT: usize = 4;
/// Text that is read is given this much room at least, or else lines of its own.
const PROSE: usize = 24;

/// Where columns stand, by their numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// On a line of its own.
    pub(super) above: Option<usize>,
    /// Side by side, each with the room that it has if its text goes on in further lines.
    pub(super) beside: Vec<(usize, Option<usize>)>,
    /// On lines of their own.
    pub(super) below: Vec<usize>,
    /// What such a line has room for.
    pub(super) room_below: usize,
}

impl Layout {
    /// The columns' widths are those of their longest fields; without a width of the terminal there is room for all.
    pub(super) fn of(columns: &[Column], widths: &[usize], width: Option<usize>) -> Self {
        let all: Vec<usize> = (0..columns.len()).filter(|index| columns[*index].shown).collect();
        let Some(width) = width else {
            let beside = all.into_iter().map(|index| (index, None)).collect();
            return Layout { above: None, beside, below: Vec::new(), room_below: usize::MAX };
        };
        let plan = Plan { columns, widths };
        let room_below = width.saturating_sub(INDENT);
        let one_line = plan.spared(&all, width);
        if plan.needs(&one_line) <= width {
            let beside = plan.rooms(&one_line, width);
            return Layout { above: None, beside, below: Vec::new(), room_below };
        }
        let above = all.iter().copied().find(|index| columns[*index].lead);
        let (below, others): (Vec<usize>, Vec<usize>) =
            all.into_iter().filter(|index| Some(*index) != above).partition(|index| columns[*index].prose);
        let others = plan.spared(&others, if above.is_some() { room_below } else { width });
        Layout { above, beside: others.into_iter().map(|index| (index, None)).collect(), below, room_below }
    }
}

struct Plan<'a> {
    columns: &'a [Column],
    widths: &'a [usize],
}

impl Plan<'_> {
    /// What stays of these when they are to fit, as far as some may be left out.
    fn spared(&self, columns: &[usize], width: usize) -> Vec<usize> {
        let mut left = columns.to_vec();
        while self.needs(&left) > width {
            let spare = left.iter().copied().filter(|index| self.columns[*index].turn.is_some());
            let Some(first) = spare.min_by_key(|index| self.columns[*index].turn) else { break };
            left.retain(|index| *index != first);
        }
        left
    }

    /// The least width of these side by side.
    fn needs(&self, columns: &[usize]) -> usize {
        columns.iter().map(|index| self.least(*index)).sum::<usize>() + gaps(columns.len())
    }

    fn least(&self, index: usize) -> usize {
        if self.columns[index].prose { self.widths[index].min(PROSE) } else { self.widths[index] }
    }

    /// Gives what the others leave to those that are prose.
    fn rooms(&self, columns: &[usize], width: usize) -> Vec<(usize, Option<usize>)> {
        let mut spare = width.saturating_sub(self.needs(columns));
        let rooms = columns.iter().map(|index| {
            let room = self.columns[*index].prose.then(|| {
                let more = spare.min(self.widths[*index] - self.least(*index));
                spare -= more;
                self.least(*index) + more
            });
            (*index, room)
        });
        rooms.collect()
    }
}

fn gaps(columns: usize) -> usize {
    columns.saturating_sub(1) * usize::from(GAP)
}
