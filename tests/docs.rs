//! The READMEs say what is true: their commands are run, their rules are checked.

use std::path::Path;

use oncue_rules::path::RESERVED;

use crate::support::{Folder, Serving, oncue};

pub struct Block {
    pub language: String,
    pub text: String,
}

pub fn blocks(readme: &str) -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(readme);
    let text = std::fs::read_to_string(path).unwrap();
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { language: language.to_owned(), text: text.join("\n") });
        }
    }
    blocks
}

fn commands(readme: &str) -> Vec<String> {
    let shell = blocks(readme).into_iter().filter(|block| block.language == "sh");
    let lines = shell.flat_map(|block| block.text.lines().map(str::to_owned).collect::<Vec<_>>());
    lines
        .map(|line| line.split('#').next().unwrap_or_default().trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

/// Runs every command of a README in its order, in one new folder.
fn every_command_of_it_works(readme: &str) {
    let folder = Folder::new();
    let mut serving = None;
    for command in commands(readme) {
        let words: Vec<_> = command.split_whitespace().collect();
        match words.as_slice() {
            ["cargo", "run", "--release", "--", rest @ ..] => {
                oncue(rest).success();
            }
            ["make", target] => {
                let makefile = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("Makefile");
                assert!(std::fs::read_to_string(makefile).unwrap().contains(&format!("\n{target}: ## ")));
            }
            ["oncue", "serve"] => serving = Some(Serving::start(&folder)),
            ["oncue", "vod", ..] => unreachable!("{command}: say how to run it"),
            ["oncue", rest @ ..] => {
                run(rest, &folder, serving.as_ref());
            }
            _ => panic!("{readme}: this test does not know how to run {command:?}"),
        }
    }
    assert!(serving.is_some(), "{readme} never serves");
}

fn run(words: &[&str], folder: &Folder, serving: Option<&Serving>) {
    let some_run = || serving.unwrap().first_run_of_an_upload();
    let words: Vec<_> = words
        .iter()
        .map(|word| match *word {
            "RUN" => some_run(),
            word => word.to_owned(),
        })
        .collect();
    folder.write_event("event.json");
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    oncue(&words).within(folder).success();
    if words == ["init"] {
        folder.move_to_free_ports();
    }
}

#[test]
fn every_command_of_the_readme_works() {
    every_command_of_it_works("README.md");
}

#[test]
fn every_command_of_the_chinese_readme_works() {
    every_command_of_it_works("README.zh-CN.md");
}

#[test]
fn every_rule_of_the_documents_is_valid() {
    for readme in ["README.md", "README.zh-CN.md", "docs/rules.md", "docs/workflows.md"] {
        let yaml: Vec<_> = blocks(readme).into_iter().filter(|block| block.language == "yaml").collect();
        assert!(!yaml.is_empty(), "{readme} explains no rule");
        for block in yaml {
            let folder = Folder::new();
            oncue(&["init"]).within(&folder).success();
            folder.write("oncue.yaml", &folder.read("oncue.yaml").replace(
                "apps:\n",
                "apps:\n  - { subappid: 1500000002, name: second, credentials: main, insecure: true, vars: { definitions: [100030] } }\n",
            ));
            if block.text.starts_with("# oncue.yaml") {
                let target = "targets: { oncall: { url: \"https://oncall.example\" } }\n";
                folder.write("oncue.yaml", &[&folder.read("oncue.yaml"), "\n", target, &block.text].concat());
            } else {
                folder.write("rules/transcode-new-uploads.yaml", &block.text);
            }
            oncue(&["check"]).within(&folder).success();
        }
    }
}

#[test]
fn the_two_readmes_show_the_same_commands() {
    assert_eq!(commands("README.md"), commands("README.zh-CN.md"));
}

#[test]
fn every_rule_of_the_page_on_scripts_is_valid() {
    for block in blocks("docs/scripts.md").into_iter().filter(|block| block.language == "yaml") {
        let folder = Folder::with_rules(&block.text);
        assert_eq!(oncue(&["check"]).within(&folder).success().stdout, "1 rule, 0 errors, 0 warnings\n");
    }
}

/// The words of a command line, where `'…'` is one word; a comment ends it.
fn words(line: &str) -> (Vec<String>, &str) {
    let (command, comment) = line.rsplit_once("# ").unwrap_or((line, ""));
    let quoted = command.split('\'').enumerate();
    let words = quoted.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    (words.collect(), comment.trim())
}

#[test]
fn every_example_of_the_page_on_matching_says_what_it_says_there() {
    let shell: Vec<_> = blocks("docs/matching.md").into_iter().filter(|block| block.language == "sh").collect();
    let lines: Vec<_> = shell.iter().flat_map(|block| block.text.lines()).collect();
    for line in &lines {
        let (words, expected) = words(line);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let ["oncue", rest @ ..] = words.as_slice() else { panic!("{line}: say how to run it") };
        let ran = oncue(rest).run();
        let said = match ran.code {
            0 => "matched",
            8 => "not matched",
            3 => "invalid pattern",
            2 => "invalid event",
            _ => "something else",
        };
        assert_eq!(said, expected, "{line}\n{}{}", ran.stdout, ran.stderr);
    }
    for operator in RESERVED.iter().filter(|name| **name != "$or") {
        assert!(lines.iter().any(|line| line.contains(&format!("{{\"{operator}\":"))), "{operator} has no example");
    }
}

#[test]
fn the_answers_of_a_stream_are_those_of_the_page_on_matching() {
    let pair = blocks("docs/matching.md").into_iter().find(|block| block.language == "json").unwrap().text;
    let ran = oncue(&["match"]).with_input(&pair).success();
    assert_eq!(ran.stdout, "{\"id\":\"a\",\"matched\":true}\n");
}
