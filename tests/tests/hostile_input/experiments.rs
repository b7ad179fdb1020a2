//! Files that are no experiments, or experiments that no machine can run.

use crate::child::{EXPERIMENT, check, ends, pipe, refused, sparse, with};
use std::fmt::Write;
use std::fs;

fn repeated(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, index| {
        let _ = write!(text, "{}", piece(index));
        text
    })
}

#[test]
fn aliases_and_nesting_do_not_explode() {
    let bomb = repeated(20, |level| match level {
        0 => "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".into(),
        _ => format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", ")),
    });
    check(bomb, "more than 50000");
    check(format!("a: {}", "[".repeat(100_000)), "deeper than 64");
    check(format!("a: {}", "{a: ".repeat(100_000)), "deeper than 64");
    check(format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000)), "deeper than 64");
    check("- ".repeat(100_000), "deeper than 64");
    check("? ".repeat(100_000), "deeper than 64");
    check(repeated(1000, |depth| format!("{}a:\n", " ".repeat(depth))), "deeper than 64");
    check("a: &a [*a]\n", "inside its own anchor");
}

#[test]
fn what_is_much_is_refused() {
    check(repeated(20_000, |_| "a: 1\n".into()), "a second time");
    check(repeated(100_000, |key| format!("k{key}: 1\n")), "more than 50000 values");
    check(repeated(50_000, |key| format!("k{key}: &a{key} 1\n")), "more than 50000 values");
    check(repeated(20_000, |key| format!("k{key}: 1\n")), "there are more than 200 mistakes");
    let layers = repeated(20_000, |key| format!("{{kconv{key}: 1}}, "));
    check(with("flatten,", &layers), "there are more than 200 mistakes");
    check(with("flatten,", &"conv, ".repeat(60_000)), "more than 50000 values");
    let searches =
        repeated(3000, |step| format!("  t{step}: {{search: {{strategy: random, budget: {{trials: 2}}}}}}\n"));
    check(format!("{EXPERIMENT}{searches}"), "at most 256 entries");
    let chain = repeated(3000, |step| format!("  t{step}: {{train: {{candidates: all(t{})}}}}\n", (step + 1) % 3000));
    check(format!("{EXPERIMENT}{chain}"), "at most 256 entries");
    check(format!("{}: 1\n", "x".repeat(3_000_000)), "error");
    check(with("name: x", &format!("name: {}", "x".repeat(3_000_000))), "cannot be the name");
    check("---\n".repeat(100_000), "a second document");
}

#[test]
fn numbers_without_bounds_are_out_of_range() {
    let long = "1".repeat(100_000);
    for number in ["1e400", ".inf", "-.inf", ".nan", "0xFFFFFFFFFFFFFFFFFFFFFFFF", &long] {
        check(with("epochs: 1", &format!("epochs: {number}")), "is no finite number");
        check(format!("{EXPERIMENT}seed: {number}\n"), "is no finite number");
    }
    for number in ["1000000000000000000000000000000", "-1000000000000000000000000000000", "1e-400", "1e300"] {
        check(with("epochs: 1", &format!("epochs: {number}")), "expected a whole number");
    }
    for number in ["0xFFFFFFFFFFFFFFFF", "18446744073709551615", "-9223372036854775808", "-1", "0"] {
        check(with("epochs: 1", &format!("epochs: {number}")), "is out of range");
    }
    for (key, word) in [
        ("concurrency: 1000000000", "1 to 4096"),
        ("concurrency: -1", "1 to 4096"),
        ("seed: -1", "out of range"),
        ("failures: -1", "0 to 1"),
    ] {
        check(format!("{EXPERIMENT}{key}\n"), word);
    }
    for budget in ["{trials: 1000000000000000000}", "{trials: -1}", "{trials: 0}", "{trainings: -1}", "{flops: -1e300}"]
    {
        check(with("{trials: 2}", budget), "can stand here");
    }
    for more in ["repeats: 1000000000", "repeats: -1", "fidelity: 1e-300", "fidelity: -1"] {
        check(with("budget:", &format!("{more}, budget:")), "can stand here");
    }
}

#[test]
fn the_largest_budget_costs_no_memory_before_it_is_spent() {
    for budget in ["{trials: 1000000000}", "{flops: 1e308}", "{trainings: 1e300}"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x.yaml"), with("{trials: 2}", budget)).unwrap();
        for command in ["check", "plan"] {
            assert_eq!(ends(folder.path(), &[command, "x.yaml"]).code, 0, "{budget}");
        }
    }
}

#[test]
fn what_is_no_text_is_said_to_be_none() {
    check(b"version: 1\nname: \xff\xfe\n", "x.yaml:2:7: error: this file is no text in UTF-8");
    let utf16: Vec<u8> = [0xfeff_u16].into_iter().chain(EXPERIMENT.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    check(utf16, "save it as UTF-8");
    check(with("name: x", "name: x\0y"), "x.yaml:2:8");
    check([0; 1000], "x.yaml:1:1");
    check("", "the file is empty");
    check(" \n\n", "the file is empty");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.yaml"), format!("\u{feff}{EXPERIMENT}")).unwrap();
    assert_eq!(ends(folder.path(), &["check", "x.yaml"]).code, 0, "a byte order mark is no mistake");
    // What moves a terminal's cursor is not shown as it is.
    fs::write(folder.path().join("x.yaml"), with("name: x", "name: \"\\e[2J\"")).unwrap();
    assert!(!ends(folder.path(), &["check", "x.yaml"]).out.contains('\u{1b}'));
}

#[test]
fn what_is_no_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    sparse(&folder.path().join("large.yaml"), 1 << 30);
    pipe(&folder.path().join("pipe.yaml"));
    let commands: [&[&str]; 4] = [&["check"], &["plan"], &["space"], &["run"]];
    for (file, words) in [
        ("large.yaml", "it has more than 4 MiB"),
        ("pipe.yaml", "it is no regular file"),
        ("/dev/zero", "it is no regular file"),
        (".", "it is a folder"),
        ("nothing.yaml", "there is no such file"),
    ] {
        for command in commands {
            refused(folder.path(), &[command, &[file]].concat(), words);
        }
        if file == "." {
            continue;
        }
        fs::write(folder.path().join("x.yaml"), with("network:", &format!("from: {file}\n  network:"))).unwrap();
        refused(folder.path(), &["check", "x.yaml"], words);
        fs::write(folder.path().join("x.yaml"), EXPERIMENT).unwrap();
        refused(folder.path(), &["check", "x.yaml", "--set", &format!("space.from={file}")], words);
    }
}

#[test]
fn files_that_include_each_other_are_a_circle() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("own.yaml", "from: own.yaml\nnetwork: [conv]\n");
    refused(folder.path(), &["check", "own.yaml"], "own.yaml → own.yaml");
    write("x.yaml", &with("network:", "from: a.yaml\n  network:"));
    write("a.yaml", "from: ./sub/../b.yaml\n");
    write("b.yaml", "from: a.yaml\n");
    refused(folder.path(), &["check", "x.yaml"], "a.yaml → b.yaml → a.yaml");
    for step in 0..500 {
        write(&format!("s{step}.yaml"), &format!("from: s{}.yaml\nnetwork: [conv]\n", step + 1));
    }
    refused(folder.path(), &["check", "s0.yaml"], "there is no such file");
    write("x.yaml", &with("network:", "from: ../../../../../../etc/hostname\n  network:"));
    ends(folder.path(), &["check", "x.yaml"]);
}

#[test]
fn names_lead_to_no_other_folder() {
    for name in ["../../etc", "..", "/etc/passwd", "a/b", "a\\b", "-x", "", "a b", &"x".repeat(300), "\u{202e}x"] {
        check(with("name: x", &format!("name: '{name}'")), "cannot be the name");
    }
    let folder = tempfile::tempdir().unwrap();
    for run in ["../../etc", "/etc/passwd", "/dev/zero", "..", ""] {
        for command in ["show", "report", "watch"] {
            refused(folder.path(), &[command, run], "error");
        }
    }
}

#[test]
fn overrides_are_no_way_around() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.yaml"), EXPERIMENT).unwrap();
    let deep = format!("steps.explore={}", "[".repeat(100_000));
    let path = format!("{}=1", vec!["a"; 5000].join("."));
    for (set, words) in [
        ("=", "is no part of a path"),
        ("[0]=1", "is no part of a path"),
        ("a[=1", "is no part of a path"),
        ("steps[99999999999999999999]=1", "is no part of a path"),
        ("space.network[7]=conv", "there is no [7]"),
        ("space.network[0][0]=1", "not a list"),
        ("steps=", "--set:1:"),
        ("seed=1: 2", "--set:1:"),
        ("space=*a", "no anchor"),
        (&deep, "deeper than 64"),
        (&path, "unknown key"),
        ("seed", "needs a value"),
    ] {
        refused(folder.path(), &["check", "x.yaml", "--set", set], words);
    }
}
