//! `pleach report`: one file that needs nothing, holds what the run recorded, and shows what comes from users as text only.

use pleach_tests::repository;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;

fn pleach(arguments: &[&str]) -> String {
    let output = pleach_tests::pleach(&repository()).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "pleach {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A table of 12 candidates, `width` by `kind`, in which `kind` decides nearly everything and one label is hostile.
fn experiment(folder: &Path) -> String {
    let mut table = String::from("width,kind,accuracy,size\n");
    for (width, size) in [(8, 100), (16, 200), (32, 400)] {
        for (kind, gain) in [("plain", 0.2), ("\"<script>alert(1)</script>\"", 0.6), ("a&b", 0.4), ("'q'", 0.3)] {
            table.push_str(&format!("{width},{kind},{},{size}\n", gain + f64::from(width) / 1000.0));
        }
    }
    std::fs::write(folder.join("table.csv"), table).unwrap();
    let text = r#"
version: 1
name: hostile
# </span></pre><script>alert(2)</script> & "more"
space:
  values:
    width: {one_of: [8, 16, 32]}
    kind: {one_of: [plain, "<script>alert(1)</script>", a&b, "'q'"]}
evaluator:
  table:
    file: table.csv
    columns: {space.values.width: width, space.values.kind: kind}
    metrics: {accuracy: {column: accuracy}, size: {column: size}}
objectives: [{maximize: accuracy}, {minimize: size}]
steps:
  explore: {search: {strategy: random, budget: {trials: 60}, repeats: 2, baseline: random}}
"#;
    let path = folder.join("hostile.yaml");
    std::fs::write(&path, text).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn a_report_is_one_file_with_the_figures_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let runs = runs.to_str().unwrap();
    pleach(&["run", &experiment(folder.path()), "--runs", runs]);
    let figures: Value =
        serde_json::from_str(&pleach(&["report", "hostile", "--runs", runs, "--format", "json"])).unwrap();

    // What was recorded, in numbers: the best of 12 is the widest of the best kind, at 0.6 + 0.032.
    let search = &figures["searches"][0];
    let best = search["strategy"]["best"]["mean"].as_f64().unwrap();
    assert!((best - 0.632).abs() < 1e-9, "60 draws of 12 find the best: {best}");
    assert_eq!(search["strategy"]["runs"].as_array().unwrap().len(), 2);
    assert_eq!(search["baseline"]["runs"].as_array().unwrap().len(), 2);
    assert!(search["comparison"]["verdict"].as_str().unwrap().contains("not shown to be better"), "{search}");
    let importance = &figures["importance"][0]["decisions"];
    assert_eq!(importance[0]["decision"], "space.values.kind");
    assert!(importance[0]["share"].as_f64().unwrap() > 0.9 && importance[1]["share"].as_f64().unwrap() < 0.1);
    let front = &figures["fronts"][0];
    assert_eq!((front["candidates"].as_u64(), front["on_front"].as_u64()), (Some(12), Some(3)), "one a width");

    // The page: well-formed, nothing fetched, no script, and what users wrote is text.
    let file = folder.path().join("out.html");
    let said = pleach(&["report", "hostile", "--runs", runs, "-o", file.to_str().unwrap()]);
    assert_eq!(said.trim(), file.to_str().unwrap());
    let page = std::fs::read_to_string(&file).unwrap();
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(&page, options).unwrap();
    assert!(!page.contains("<script"), "what was written in the experiment is not markup");
    for node in document.descendants().filter(|node| node.is_element()) {
        for attribute in node.attributes() {
            assert!(!attribute.name().starts_with("on"), "{}", attribute.name());
            if matches!(attribute.name(), "src" | "href" | "data" | "action") {
                assert!(attribute.value().starts_with('#'), "{}", attribute.value());
            }
        }
    }
    assert!(!page.contains("@import") && !page.contains("url(http"));
    let text: String = document.descendants().filter_map(|node| node.text()).collect();
    for shown in ["<script>alert(1)</script>", "a&b", "</span></pre><script>alert(2)</script> & \"more\"", "0.6320"] {
        assert!(text.contains(shown), "{shown}");
    }
    let plots = |class: &str| document.descendants().filter(|node| node.attribute("class") == Some(class)).count();
    assert!(plots("plot") >= 2 && plots("graph") == 1, "best so far, front, and the graph of steps");

    // In a terminal the same.
    let shown = pleach(&["show", "hostile", "--runs", runs]);
    for part in ["Searched by explore", "Front of explore, 3 of 12 candidates", "Decisions that mattered in explore"] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn a_report_of_a_single_search_says_so_and_draws_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().to_str().unwrap();
    let trials = "steps.explore.search.budget.trials=60";
    pleach(&["run", "specs/nas-bench-201-table.yaml", "--runs", runs, "--set", trials]);
    let file = pleach(&["report", "nas-bench-201-table", "--runs", runs]);
    assert!(file.trim().ends_with("nas-bench-201-table-1/report.html"), "{file}");
    let page = std::fs::read_to_string(repository().join(file.trim())).unwrap();
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    assert!(page.contains("a single search"));
    let figures: Value =
        serde_json::from_str(&pleach(&["report", "nas-bench-201-table", "--runs", runs, "--format", "json"])).unwrap();
    let network = &figures["networks"][0];
    let blocks = network["blocks"].as_array().unwrap();
    let sum: u64 = blocks.iter().map(|block| block["parameters"].as_u64().unwrap()).sum();
    assert_eq!(sum, network["costs"]["live_parameters"].as_u64().unwrap());
    let lineage = &figures["lineages"][0];
    let last = lineage["ancestors"].as_array().unwrap().last().unwrap();
    assert_eq!(last["trial"], lineage["best"]);
}
