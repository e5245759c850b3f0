//! The state as lines on a screen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line as Text;
use ratatui::widgets::{Paragraph, Row as Cells, Table, TableState, Wrap};

use super::inside::{Inside, Line};
use super::state::{Place, State};
use crate::amount::{percent, rate, size};
use crate::commands::stats::Row;
use crate::json;

/// The least that anything can be read on.
const LEAST: (u16, u16) = (40, 6);

const KEYS: &str =
    "q quit  Enter processes  c m i n p ←→ sort  r reverse  / filter  ↑↓ PgUp PgDn move";
const KEYS_INSIDE: &str = "q quit  Esc back  c m p ←→ sort  r reverse  ↑↓ PgUp PgDn move";
const KEYS_TYPING: &str = "Enter done  Esc no filter";

/// A column: its header, its width, and what it shows.
struct Column<F> {
    header: &'static str,
    width: u16,
    cell: F,
}

type OfVe = fn(&Row<'_>) -> String;
type OfProcess = fn(&Inside, &Line) -> String;

/// Those that do not fit are left out from the end.
const VES: [Column<OfVe>; 14] = [
    Column {
        header: "NAME",
        width: 20,
        cell: |row| row.sample.name.to_string(),
    },
    Column {
        header: "STATUS",
        width: 9,
        cell: |row| row.sample.phase.word().to_owned(),
    },
    Column {
        header: "CPU%",
        width: 5,
        cell: |row| or_dash(row.rates.cpu_percent, percent),
    },
    Column {
        header: "MEM",
        width: 6,
        cell: |row| or_dash(row.sample.usage.memory.used, size),
    },
    Column {
        header: "MEM%",
        width: 5,
        cell: |row| or_dash(row.memory_percent(), percent),
    },
    Column {
        header: "PROCS",
        width: 6,
        cell: |row| or_dash(row.sample.usage.processes, |count| count.to_string()),
    },
    Column {
        header: "READ/s",
        width: 6,
        cell: |row| or_dash(row.rates.read_bytes, rate),
    },
    Column {
        header: "WRITE/s",
        width: 7,
        cell: |row| or_dash(row.rates.written_bytes, rate),
    },
    Column {
        header: "RX/s",
        width: 6,
        cell: |row| or_dash(row.rates.received_bytes, rate),
    },
    Column {
        header: "TX/s",
        width: 6,
        cell: |row| or_dash(row.rates.sent_bytes, rate),
    },
    Column {
        header: "SWAP",
        width: 6,
        cell: |row| or_dash(row.sample.usage.memory.swap, size),
    },
    Column {
        header: "PSI-CPU",
        width: 7,
        cell: |row| {
            let waited = row.sample.usage.pressure.cpu;
            or_dash(waited.map(|cpu| cpu.some.avg10_percent), percent)
        },
    },
    Column {
        header: "PSI-MEM",
        width: 7,
        cell: |row| {
            let waited = row.sample.usage.pressure.memory;
            or_dash(waited.map(|memory| memory.some.avg10_percent), percent)
        },
    },
    Column {
        header: "UPTIME",
        width: 7,
        cell: |row| json::uptime(&row.sample.started),
    },
];

/// The command takes what is left of the line.
const PROCESSES: [Column<OfProcess>; 7] = [
    Column {
        header: "PID",
        width: 7,
        cell: |_, line| line.member.activity.pid.to_string(),
    },
    Column {
        header: "INSIDE",
        width: 7,
        cell: |_, line| or_dash(line.member.activity.pid_inside, |pid| pid.to_string()),
    },
    Column {
        header: "USER",
        width: 5,
        cell: |_, line| or_dash(line.member.user_inside, |user| user.to_string()),
    },
    Column {
        header: "S",
        width: 1,
        cell: |_, line| line.member.activity.state.to_string(),
    },
    Column {
        header: "CPU%",
        width: 5,
        cell: |_, line| or_dash(line.cpu_percent, percent),
    },
    Column {
        header: "RSS",
        width: 6,
        cell: |_, line| size(line.member.activity.resident_bytes),
    },
    Column {
        header: "COMMAND",
        width: 8,
        cell: |inside, line| inside.command(line),
    },
];

fn or_dash<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), text)
}

/// Draws all of it. What is remembered of the drawing is how many lines there were.
pub(super) fn draw(frame: &mut Frame<'_>, state: &mut State) {
    let area = frame.area();
    let (columns, rows) = LEAST;
    if area.width < columns || area.height < rows {
        let text = format!("veld top needs {columns} columns and {rows} rows");
        let text = Paragraph::new(text).wrap(Wrap { trim: true });
        return frame.render_widget(text, area);
    }
    let parts = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
    ]);
    let [head, body, foot] = parts.areas(area);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    // Less the header of the table.
    let height = usize::from(body.height.saturating_sub(1));
    let (title, keys) = if let Some(inside) = state.inside_mut() {
        inside.place.height = height;
        inside.place.fit(inside.lines().len());
        draw_processes(frame, body, inside);
        (title_inside(inside), KEYS_INSIDE)
    } else {
        state.place.height = height;
        state.place.fit(state.rows().len());
        draw_ves(frame, body, state);
        let typing = state.is_typing;
        (title(state), if typing { KEYS_TYPING } else { KEYS })
    };
    frame.render_widget(Text::styled(title, bold), head);
    frame.render_widget(Text::raw(keys), foot);
}

fn title(state: &State) -> String {
    let (all, shown) = (state.count(), state.rows().len());
    let sort = state.sort.word();
    let order = if state.reverse { ", reversed" } else { "" };
    let cursor = if state.is_typing { "_" } else { "" };
    let filter = if state.filter.is_empty() && !state.is_typing {
        String::new()
    } else {
        format!("   /{}{cursor}", state.filter)
    };
    format!("veld top   {shown} of {all} running VEs   by {sort}{order}{filter}")
}

fn title_inside(inside: &Inside) -> String {
    let (ve, count) = (inside.ve(), inside.lines().len());
    let sort = inside.sort.word();
    let order = if inside.reverse { ", reversed" } else { "" };
    format!("veld top   {ve}   {count} processes   by {sort}{order}")
}

fn draw_ves(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let rows = state.rows();
    // From the first line on the screen to the last: there may be thousands.
    let shown = rows.iter().skip(state.place.first).take(state.place.height);
    let mut room = area.width;
    let fitting = VES.iter().take_while(|column| {
        let fits = room >= column.width;
        room = room.saturating_sub(column.width + 1);
        fits
    });
    let columns: Vec<_> = fitting.collect();
    let lines = shown.map(|row| columns.iter().map(|column| (column.cell)(row)).collect());
    let heads = columns.iter().map(|column| column.header).collect();
    let widths = columns.iter().map(|column| column.width).collect();
    render(frame, area, (heads, widths), lines.collect(), state.place);
}

fn draw_processes(frame: &mut Frame<'_>, area: Rect, inside: &Inside) {
    let place = inside.place;
    let shown = inside.lines().iter().skip(place.first).take(place.height);
    let lines = shown.map(|line| {
        let cells = PROCESSES.iter();
        cells.map(|column| (column.cell)(inside, line)).collect()
    });
    let heads = PROCESSES.iter().map(|column| column.header).collect();
    let mut widths: Vec<u16> = PROCESSES.iter().map(|column| column.width).collect();
    let others: u16 = widths.iter().map(|width| width + 1).sum();
    if let Some(command) = widths.last_mut() {
        *command += area.width.saturating_sub(others);
    }
    render(frame, area, (heads, widths), lines.collect(), place);
}

fn render(
    frame: &mut Frame<'_>,
    area: Rect,
    (heads, widths): (Vec<&str>, Vec<u16>),
    lines: Vec<Vec<String>>,
    place: Place,
) {
    let reversed = Style::new().add_modifier(Modifier::REVERSED);
    let rows = lines.into_iter().map(Cells::new);
    let table = Table::new(rows, widths.into_iter().map(Constraint::Length))
        .header(Cells::new(heads).style(reversed))
        .row_highlight_style(reversed);
    let mut selected = TableState::new().with_selected(place.selected.checked_sub(place.first));
    frame.render_stateful_widget(table, area, &mut selected);
}
