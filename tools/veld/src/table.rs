//! Columns of text.

/// Rows, the first of which may be a header; each column as wide as its widest cell.
pub(crate) fn render(rows: &[Vec<String>]) -> String {
    let mut widths = vec![0; rows.first().map_or(0, Vec::len)];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let padded: Vec<String> = cells
            .map(|(cell, &width)| format!("{cell:<width$}"))
            .collect();
        text += padded.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_clean() {
        let rows = [["NAME", "STATUS"], ["web1", "up"], ["é", ""]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(render(&rows), "NAME  STATUS\nweb1  up\né\n");
        assert_eq!(render(&[]), "");
    }
}
