//! `veld set`

use serde::Serialize;
use veld_supervisor::{Host, Parameter, Setting, parameters};

use crate::cli::Set;
use crate::jobs::tell;
use crate::json;
use crate::output;
use crate::report::Failed;
use crate::table;

pub(crate) fn run(host: &Host, set: Set) -> Result<(), Failed> {
    let Some(ve) = &set.ve else {
        return list(set.json);
    };
    let setting = Setting {
        assignments: set.settings,
        runtime: set.runtime,
        force: set.force,
    };
    let ve = host.find(ve)?;
    Failed::reported_if(tell(&ve, veld_supervisor::set(&ve, &setting))?)
}

/// A parameter, in JSON.
#[derive(Debug, Serialize)]
struct Row {
    word: &'static str,
    key: &'static str,
    meaning: &'static str,
    value: &'static str,
    counts: &'static str,
    cgroup_v2: Option<String>,
    cgroup_v1: Option<String>,
    why_not_v1: Option<&'static str>,
}

impl Row {
    fn new(parameter: Parameter) -> Self {
        let (v1, why) = match parameter.v1 {
            None => (None, None),
            Some(Ok(file)) => (Some(file), None),
            Some(Err(why)) => (None, Some(why)),
        };
        let key = parameter.key;
        Self {
            word: key.word(),
            key: key.name(),
            meaning: key.help(),
            value: if key.is_switch() {
                "yes or no"
            } else {
                key.placeholder()
            },
            counts: parameter.when.words(),
            cgroup_v2: parameter.v2,
            cgroup_v1: v1,
            why_not_v1: why,
        }
    }

    /// The cells of a table for people.
    fn cells(&self) -> Vec<String> {
        let file = |file: &Option<String>| file.clone().unwrap_or_else(|| "-".to_owned());
        vec![
            self.word.to_owned(),
            self.value.to_owned(),
            self.counts.to_owned(),
            file(&self.cgroup_v2),
            file(&self.cgroup_v1),
            self.meaning.to_owned(),
        ]
    }
}

const HEADER: [&str; 6] = ["KEY", "VALUE", "COUNTS", "V2", "V1", "MEANING"];

fn rows() -> Vec<Row> {
    parameters().into_iter().map(Row::new).collect()
}

fn list(as_json: bool) -> Result<(), Failed> {
    let rows = rows();
    if as_json {
        return json::print(&rows);
    }
    let header = HEADER.map(str::to_owned).to_vec();
    let cells = rows.iter().map(Row::cells);
    let lines: Vec<Vec<String>> = std::iter::once(header).chain(cells).collect();
    output::print(&table::render(&lines))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    const README: &str = include_str!("../../../../README.md");
    const BEGIN: &str = "<!-- What follows is written by the test of the parameters. -->\n";
    const END: &str = "<!-- What precedes is written by the test of the parameters. -->\n";

    fn markdown() -> String {
        let mut text = "| key | value | counts | cgroup v2 | cgroup v1 | meaning |\n".to_owned();
        text.push_str("|---|---|---|---|---|---|\n");
        for row in rows() {
            let code = |file: &Option<String>| match file {
                Some(file) => format!("`{file}`"),
                None => "–".to_owned(),
            };
            let v1 = match row.why_not_v1 {
                Some(why) => format!("refused: {why}"),
                None => code(&row.cgroup_v1),
            };
            let (word, value, counts) = (row.word, row.value, row.counts);
            let (v2, meaning) = (code(&row.cgroup_v2), row.meaning);
            let _ = writeln!(
                text,
                "| `{word}` | {value} | {counts} | {v2} | {v1} | {meaning} |"
            );
        }
        text
    }

    #[test]
    fn the_readme_has_the_table_of_parameters() {
        let (_, rest) = README.split_once(BEGIN).unwrap();
        let (there, _) = rest.split_once(END).unwrap();
        let expected = markdown();
        assert!(
            there.trim() == expected.trim(),
            "the README is to have this between its two marks:\n{expected}"
        );
    }
}
