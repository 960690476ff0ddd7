use crate::{ContainerSettingsError, ProjectFacts};

/// The parts of an image's command line that a project sets; those it does not are empty.
///
/// Source: dotnet/sdk, `ImageBuilder.DetermineEntrypointAndCmd`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ContainerCommand {
    /// `ContainerAppCommand`, instead of the application's own command.
    pub app_command: Vec<String>,
    /// `ContainerAppCommandArgs`: always passed.
    pub app_command_args: Vec<String>,
    /// `ContainerDefaultArgs`: passed unless whoever runs the image says otherwise.
    pub default_args: Vec<String>,
    /// `ContainerEntrypoint`.
    pub entrypoint: Vec<String>,
    /// `ContainerEntrypointArgs`: always passed to it. Without an entrypoint and without other
    /// arguments they are default arguments, as they were before the SDK had those.
    pub entrypoint_args: Vec<String>,
    /// `ContainerAppCommandInstruction`; `None` if the project leaves that to the rest.
    pub instruction: Option<AppCommandInstruction>,
}

/// What the application's command becomes in the image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppCommandInstruction {
    /// The entrypoint.
    Entrypoint,
    /// Arguments of another entrypoint: the project's, else that of the base.
    DefaultArgs,
    /// Nothing.
    None,
}

/// The command line of an image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResolvedCommand {
    /// The entrypoint; that of the base if it is empty.
    pub entrypoint: Vec<String>,
    /// The arguments after it.
    pub cmd: Vec<String>,
}

const INSTRUCTION: &str = "ContainerAppCommandInstruction";

impl ContainerCommand {
    /// Reads what `facts` say.
    ///
    /// # Errors
    /// [`ContainerSettingsError`] if the instruction is unknown, or the parts do not go together.
    pub(crate) fn of(facts: &ProjectFacts) -> Result<Self, ContainerSettingsError> {
        let words = |kind: &str| {
            let items = facts.items(kind).iter();
            items.map(|item| item.identity.clone()).collect()
        };
        let command = Self {
            app_command: words("ContainerAppCommand"),
            app_command_args: words("ContainerAppCommandArgs"),
            default_args: words("ContainerDefaultArgs"),
            entrypoint: words("ContainerEntrypoint"),
            entrypoint_args: words("ContainerEntrypointArgs"),
            instruction: facts.property(INSTRUCTION).map(instruction).transpose()?,
        };
        command.resolve(vec![String::new()])?;
        Ok(command)
    }

    /// Returns the image's command line, for an application that starts with `own` by itself.
    ///
    /// # Errors
    /// [`ContainerSettingsError`] if the parts do not go together.
    pub fn resolve(&self, own: Vec<String>) -> Result<ResolvedCommand, ContainerSettingsError> {
        let is_nothing = self.instruction == Some(AppCommandInstruction::None);
        let app = if self.app_command.is_empty() && !is_nothing {
            own
        } else {
            self.app_command.clone()
        };
        let has_entrypoint = !self.entrypoint.is_empty() || !self.entrypoint_args.is_empty();
        let is_bare = [&self.entrypoint, &self.default_args, &self.app_command_args]
            .iter()
            .all(|part| part.is_empty());
        if self.instruction.is_none() && has_entrypoint && is_bare {
            return Ok(ResolvedCommand {
                entrypoint: app,
                cmd: self.entrypoint_args.clone(),
            });
        }
        self.check()?;
        let unset = if has_entrypoint {
            AppCommandInstruction::DefaultArgs
        } else {
            AppCommandInstruction::Entrypoint
        };
        let app = [app, self.app_command_args.clone()].concat();
        let entrypoint = [self.entrypoint.clone(), self.entrypoint_args.clone()].concat();
        let cmd = self.default_args.clone();
        Ok(match self.instruction.unwrap_or(unset) {
            AppCommandInstruction::Entrypoint => ResolvedCommand {
                entrypoint: app,
                cmd,
            },
            AppCommandInstruction::DefaultArgs => ResolvedCommand {
                entrypoint,
                cmd: [app, cmd].concat(),
            },
            AppCommandInstruction::None => ResolvedCommand { entrypoint, cmd },
        })
    }

    fn check(&self) -> Result<(), ContainerSettingsError> {
        let error = |name: &'static str, value: &[String], want: &'static str| {
            let value = value.join(" ");
            Err(ContainerSettingsError { name, value, want })
        };
        if self.entrypoint.is_empty() && !self.entrypoint_args.is_empty() {
            let want = "`ContainerEntrypoint` beside it, or `ContainerDefaultArgs` instead of it";
            return error("ContainerEntrypointArgs", &self.entrypoint_args, want);
        }
        match self.instruction {
            Some(AppCommandInstruction::None) => {
                let want = "none of it where `ContainerAppCommandInstruction` is `None`";
                if !self.app_command.is_empty() {
                    return error("ContainerAppCommand", &self.app_command, want);
                }
                if !self.app_command_args.is_empty() {
                    return error("ContainerAppCommandArgs", &self.app_command_args, want);
                }
            }
            Some(AppCommandInstruction::Entrypoint) if !self.entrypoint.is_empty() => {
                let want = "`DefaultArgs` or `None` beside `ContainerEntrypoint`";
                return error(INSTRUCTION, &["Entrypoint".to_owned()], want);
            }
            _ => {}
        }
        Ok(())
    }
}

fn instruction(text: &str) -> Result<AppCommandInstruction, ContainerSettingsError> {
    let known = [
        ("Entrypoint", AppCommandInstruction::Entrypoint),
        ("DefaultArgs", AppCommandInstruction::DefaultArgs),
        ("None", AppCommandInstruction::None),
    ];
    let mut known = known.into_iter();
    let known = known.find(|(name, _)| name.eq_ignore_ascii_case(text));
    let known = known.map(|(_, instruction)| instruction);
    known.ok_or_else(|| ContainerSettingsError {
        name: INSTRUCTION,
        value: text.to_owned(),
        want: "`Entrypoint`, `DefaultArgs` or `None`",
    })
}

#[cfg(test)]
mod tests {
    use super::{AppCommandInstruction, ContainerCommand};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// What becomes of `app.dll` with `entrypoint|its arguments|command|its arguments|default arguments`.
    fn resolve(parts: &str, instruction: Option<AppCommandInstruction>) -> String {
        let parts: Vec<_> = parts.split('|').map(words).collect();
        let [entrypoint, entrypoint_args, app, app_args, default_args] = &parts[..] else {
            panic!("five parts")
        };
        let command = ContainerCommand {
            entrypoint: entrypoint.clone(),
            entrypoint_args: entrypoint_args.clone(),
            app_command: app.clone(),
            app_command_args: app_args.clone(),
            default_args: default_args.clone(),
            instruction,
        };
        match command.resolve(words("app.dll")) {
            Ok(resolved) => {
                format!(
                    "{} + {}",
                    resolved.entrypoint.join(" "),
                    resolved.cmd.join(" ")
                )
            }
            Err(error) => error.name.to_owned(),
        }
    }

    #[test]
    fn every_combination_is_what_the_sdk_makes_of_it() {
        use AppCommandInstruction::{DefaultArgs, Entrypoint, None as Nothing};
        for (parts, instruction, want) in [
            ("||||", None, "app.dll + "),
            ("||||d", None, "app.dll + d"),
            ("|||a|d", None, "app.dll a + d"),
            ("||c|a|d", None, "c a + d"),
            ("|x|||", None, "app.dll + x"),
            ("|x|c||", None, "c + x"),
            ("|x||a|", None, "ContainerEntrypointArgs"),
            ("|x|||d", None, "ContainerEntrypointArgs"),
            ("e||||", None, "e + app.dll"),
            ("e|x|c|a|d", None, "e x + c a d"),
            ("||||", Some(DefaultArgs), " + app.dll"),
            ("|||a|d", Some(DefaultArgs), " + app.dll a d"),
            ("e|x||a|d", Some(DefaultArgs), "e x + app.dll a d"),
            ("|x|||", Some(DefaultArgs), "ContainerEntrypointArgs"),
            ("||c|a|d", Some(Entrypoint), "c a + d"),
            ("e||||", Some(Entrypoint), "ContainerAppCommandInstruction"),
            ("|x|||", Some(Entrypoint), "ContainerEntrypointArgs"),
            ("||||", Some(Nothing), " + "),
            ("e|x|||d", Some(Nothing), "e x + d"),
            ("e||c||", Some(Nothing), "ContainerAppCommand"),
            ("e|||a|", Some(Nothing), "ContainerAppCommandArgs"),
        ] {
            assert_eq!(resolve(parts, instruction), want, "{parts} {instruction:?}");
        }
    }
}
