use clap::ValueEnum;

/// How much is said on stderr, and how.
#[derive(clap::Args, Debug)]
pub(crate) struct OutputArgs {
    /// How to show progress: rich also shows what is under way, plain only adds lines, json writes one
    /// object per line; auto is rich on a terminal, unless CI is set, else plain
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub(crate) progress: Progress,

    /// Print errors only
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Print more: each request to a registry, dotnet's own output, what was left out of the image
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    Auto,
    Rich,
    Plain,
    Json,
}
