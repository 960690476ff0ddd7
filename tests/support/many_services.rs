//! A generated repository of many services over shared libraries.

use fs_err as fs;
use std::cell::Cell;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// How large it is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) services: usize,
    pub(crate) libraries: usize,
    /// All files, of which a tenth is documentation and a tenth tests.
    pub(crate) files: usize,
}

impl Size {
    /// Makes the repository in `root`, with a solution of every service.
    ///
    /// `services/S4` stands on the libraries `libs/L4` and `libs/L3`, and so on around, as long as there
    /// are libraries.
    pub(crate) fn generate(self, root: &Path) {
        let made = Cell::new(0);
        let write = |path: String, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            made.set(made.get() + 1);
        };
        write("README.md".to_owned(), "# Many services\n");
        write(".github/workflows/ci.yml".to_owned(), "on: push\n");
        write("Directory.Build.props".to_owned(), PROPERTIES);
        write(
            "nuget.config".to_owned(),
            "<configuration><packageSources><clear /></packageSources></configuration>\n",
        );
        let mut solution = "<Solution>\n".to_owned();
        for service in 0..self.services {
            let references = self.below(service).map(reference).concat();
            let project =
                format!("<Project Sdk=\"Microsoft.NET.Sdk.Web\">{references}</Project>\n");
            let path = format!("services/S{service}/S{service}.csproj");
            writeln!(solution, "  <Project Path=\"{path}\" />").unwrap();
            write(path, &project);
            let calls = self
                .below(service)
                .map(|library| format!(" + L{library}.C0.Value"));
            let program = format!(
                "var app = WebApplication.CreateBuilder(args).Build();\n\
                 app.MapGet(\"/\", () => 0{});\napp.Run();\n",
                calls.concat()
            );
            write(format!("services/S{service}/Program.cs"), &program);
            write(format!("services/S{service}/appsettings.json"), "{}\n");
        }
        solution.push_str("</Solution>\n");
        write("All.slnx".to_owned(), &solution);
        for library in 0..self.libraries {
            let project = "<Project Sdk=\"Microsoft.NET.Sdk\"></Project>\n";
            write(format!("libs/L{library}/L{library}.csproj"), project);
        }
        for number in 0..self.files / 10 {
            write(format!("docs/page-{number}.md"), "# A page\n");
            let test = format!("public class T{number};\n");
            write(format!("tests/All/T{number}.cs"), &test);
        }
        // The rest is sources of the projects, the same number in each.
        let projects = self.services + self.libraries;
        let each = (self.files.saturating_sub(made.get()) / projects).max(1);
        for number in 0..each {
            for library in 0..self.libraries {
                let text = source(&format!("L{library}"), number);
                write(format!("libs/L{library}/C{number}.cs"), &text);
            }
            for service in 0..self.services {
                let text = source(&format!("S{service}"), number);
                write(format!("services/S{service}/Part/C{number}.cs"), &text);
            }
        }
    }

    /// Returns the libraries of a service.
    fn below(self, service: usize) -> [usize; 2] {
        let one = service % self.libraries;
        [one, (one + self.libraries - 1) % self.libraries]
    }

    /// Returns the services that stand on a library, as the names of their projects.
    pub(crate) fn above(self, library: usize) -> Vec<String> {
        let services = 0..self.services;
        let above = services.filter(|service| self.below(*service).contains(&library));
        above.map(name).collect()
    }

    /// Returns all services, as the names of their projects.
    pub(crate) fn names(self) -> Vec<String> {
        (0..self.services).map(name).collect()
    }
}

/// Returns the folder of a service.
pub(crate) fn service(root: &Path, number: usize) -> PathBuf {
    root.join(format!("services/S{number}"))
}

fn name(service: usize) -> String {
    format!("S{service}")
}

fn reference(library: usize) -> String {
    format!(
        "<ItemGroup><ProjectReference Include=\"../../libs/L{library}/L{library}.csproj\" /></ItemGroup>"
    )
}

fn source(namespace: &str, number: usize) -> String {
    format!(
        "namespace {namespace};\npublic static class C{number}\n{{\n    public static int Value => {number};\n}}\n"
    )
}

const PROPERTIES: &str = "<Project><PropertyGroup><TargetFramework>net10.0</TargetFramework>\
     <ImplicitUsings>enable</ImplicitUsings></PropertyGroup></Project>\n";
