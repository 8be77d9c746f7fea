//! Tables that fit the terminal: columns are left out or laid out anew, and nothing that is read as one is broken.
//!
//! Where standard output is no terminal, all columns stand on one line a row, whatever their width.

mod layout;
mod wrap;

use comfy_table::presets::NOTHING;
use comfy_table::{Color, Table};

use self::layout::{GAP, INDENT, Layout};
use self::wrap::fits;
pub(super) use self::wrap::{paragraph, wrap};
use crate::app::terminal;

/// How something stands, by colour on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellColour {
    Good,
    Doubtful,
    Bad,
}

/// One field of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    colour: Option<CellColour>,
}

pub(super) fn cell(text: impl ToString) -> Cell {
    // A row is a line; who reads lines would take more for another row.
    let mut text = text.to_string().replace('\n', " ");
    if let Some((end, _)) = text.char_indices().nth(LONGEST_CELL) {
        text.truncate(end);
        text.push('…');
    }
    Cell { text, colour: None }
}

/// Characters of a cell; nobody reads more, and tables are made of columns of 65,535 at most. JSON has everything.
const LONGEST_CELL: usize = 30_000;

pub(super) fn coloured(text: impl ToString, colour: CellColour) -> Cell {
    Cell { colour: Some(colour), ..cell(text) }
}

/// A column, and what becomes of it in a narrow terminal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    heading: &'static str,
    shown: bool,
    /// The lower, the earlier it is left out; `None` = never.
    turn: Option<u8>,
    prose: bool,
    lead: bool,
}

/// A column that is always shown, and never broken.
pub(super) const fn column(heading: &'static str) -> Column {
    Column { heading, shown: true, turn: None, prose: false, lead: false }
}

impl Column {
    /// Can be left out when there is no room: the one with the lowest turn first.
    pub(super) const fn spare(self, turn: u8) -> Self {
        Column { turn: Some(turn), ..self }
    }

    /// Is text to be read, which goes on in the next line at a word.
    pub(super) const fn prose(self) -> Self {
        Column { prose: true, ..self }
    }

    /// Has a line of its own, above the rest of its row, when it does not fit beside it.
    pub(super) const fn lead(self) -> Self {
        Column { lead: true, ..self }
    }

    /// Is only there if this holds.
    pub(super) const fn when(self, shown: bool) -> Self {
        Column { shown, ..self }
    }
}

/// A table with these columns, as wide as the terminal at most.
pub(super) fn table<const N: usize>(columns: [Column; N], rows: impl IntoIterator<Item = [Cell; N]>) -> String {
    let rows: Vec<[Cell; N]> = rows.into_iter().collect();
    within(wrap::terminal(), &columns, &rows)
}

fn within<const N: usize>(width: Option<usize>, columns: &[Column; N], rows: &[[Cell; N]]) -> String {
    let mut widths = columns.map(|column| wrap::width_of(column.heading));
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(wrap::width_of(&cell.text));
        }
    }
    let layout = Layout::of(columns, &widths, width);
    let headings = columns.map(|column| cell(column.heading));
    let rows: Vec<Row> = std::iter::once(&headings).chain(rows).map(|row| Row::of(row, &layout)).collect();
    draw(&rows, &layout)
}

/// A row as it is drawn.
struct Row {
    /// On a line of its own.
    above: Option<String>,
    /// Side by side; a text that goes on has several lines.
    beside: Vec<Cell>,
    /// On lines of their own, as there is no room beside the others.
    below: Vec<String>,
}

impl Row {
    fn of(cells: &[Cell], layout: &Layout) -> Self {
        let mut below: Vec<String> = layout.below.iter().map(|index| cells[*index].text.clone()).collect();
        let beside = layout.beside.iter().map(|(index, room)| {
            let cell = cells[*index].clone();
            let Some(room) = *room else { return cell };
            let lines = wrap(&cell.text, room);
            if lines.iter().all(|line| fits(line, room)) {
                return Cell { text: lines.join("\n"), ..cell };
            }
            below.push(cell.text);
            Cell { text: String::new(), ..cell }
        });
        let beside = beside.collect();
        let above = layout.above.map(|index| cells[index].text.clone());
        Row { above, beside, below: below.into_iter().filter(|text| !matches!(text.as_str(), "" | "-")).collect() }
    }

    fn height(&self) -> usize {
        self.beside.iter().map(|cell| cell.text.split('\n').count()).max().unwrap_or_default()
    }
}

/// The rows, the first of which has the headings.
fn draw(rows: &[Row], layout: &Layout) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    if !terminal::may_style(&std::io::stdout()) {
        table.force_no_tty();
    }
    for row in rows {
        table.add_row(row.beside.iter().map(styled));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    let indent = if layout.above.is_some() { INDENT } else { 0 };
    let mut text = String::new();
    let mut line = |indent: usize, line: &str| {
        text.push_str(format!("{:indent$}{line}", "").trim_end());
        text.push('\n');
    };
    let mut lines = table.lines();
    for row in rows {
        row.above.iter().for_each(|above| line(0, above));
        lines.by_ref().take(row.height()).for_each(|beside| line(indent, &beside));
        for below in &row.below {
            wrap(below, layout.room_below).iter().for_each(|below| line(INDENT, below));
        }
    }
    text
}

fn styled(cell: &Cell) -> comfy_table::Cell {
    let styled = comfy_table::Cell::new(&cell.text);
    match cell.colour {
        Some(CellColour::Good) => styled.fg(Color::Green),
        Some(CellColour::Doubtful) => styled.fg(Color::Yellow),
        Some(CellColour::Bad) => styled.fg(Color::Red),
        None => styled,
    }
}

#[cfg(test)]
mod tests;
