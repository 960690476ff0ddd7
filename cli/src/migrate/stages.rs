use super::words::expanded;
use parse_dockerfile::{Dockerfile, Instruction};
use std::collections::{BTreeMap, BTreeSet};

/// The stages of a Dockerfile: which of them the image is made of, and what its variables default to.
#[derive(Debug, Default)]
pub(super) struct Stages {
    each: Vec<Stage>,
    /// Those whose instructions are in the image: the last one, and those that it is built on.
    runtime: BTreeSet<usize>,
    /// What each `ARG` is unless somebody says otherwise.
    pub(super) arguments: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Stage {
    name: Option<String>,
    image: String,
}

impl Stages {
    pub(super) fn of(file: &Dockerfile<'_>) -> Self {
        let mut stages = Self::default();
        for instruction in &file.instructions {
            match instruction {
                Instruction::Arg(argument) => {
                    if let Some((name, value)) = argument.arguments.value.split_once('=') {
                        let value = value.trim_matches(['"', '\'']).to_owned();
                        stages.arguments.insert(name.to_owned(), value);
                    }
                }
                Instruction::From(from) => stages.each.push(Stage {
                    name: from.as_.as_ref().map(|(_, name)| name.value.to_string()),
                    image: expanded(&from.image.value, &stages.arguments),
                }),
                _ => {}
            }
        }
        let mut next = stages.each.len().checked_sub(1);
        while let Some(stage) = next.filter(|stage| stages.runtime.insert(*stage)) {
            next = stages.named(&stages.each[stage].image);
        }
        stages
    }

    /// Returns each instruction with the number of its stage; `None` before the first.
    pub(super) fn instructions<'a, 'b>(
        file: &'b Dockerfile<'a>,
    ) -> impl Iterator<Item = (Option<usize>, &'b Instruction<'a>)> {
        let mut stage = None;
        file.instructions.iter().map(move |instruction| {
            if let Instruction::From(_) = instruction {
                stage = Some(stage.map_or(0, |stage| stage + 1));
            }
            (stage, instruction)
        })
    }

    /// Whether what a stage does is in the image.
    pub(super) fn is_runtime(&self, stage: Option<usize>) -> bool {
        stage.is_some_and(|stage| self.runtime.contains(&stage))
    }

    /// Returns the image or the stage that a stage is built on.
    pub(super) fn image(&self, stage: usize) -> &str {
        &self.each[stage].image
    }

    /// Returns the stage that a name, or a number, means.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        let is_it = |stage: &Stage| {
            let own = stage.name.as_deref();
            own.is_some_and(|own| own.eq_ignore_ascii_case(name))
        };
        let number = || name.parse().ok().filter(|it| *it < self.each.len());
        self.each.iter().position(is_it).or_else(number)
    }
}
