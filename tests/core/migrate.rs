//! `mizzen migrate`: the command that it prints makes the image.

use crate::support::{User, prepared};
use fs_err as fs;
use mizzen_testkit::tiny_base;

const DOCKERFILE: &str = r#"FROM mcr.microsoft.com/dotnet/aspnet:3.1 AS base
WORKDIR /app
EXPOSE 8080 8081
LABEL team="the shop"

FROM mcr.microsoft.com/dotnet/sdk:3.1 AS build
WORKDIR /src
COPY ["Web/hello-web.csproj", "Web/"]
RUN dotnet restore "Web/hello-web.csproj"
COPY . .
WORKDIR "/src/Web"
RUN dotnet publish "hello-web.csproj" -c Release -o /app/publish

FROM base AS final
COPY --from=build /app/publish .
RUN apt-get install -y libfontconfig1
ENV GREETING=hello
ENTRYPOINT ["dotnet", "hello-web.dll"]
"#;

#[test]
fn the_command_that_migrate_prints_makes_the_image() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    user.workspace("hello-web", "Web", None);
    fs::write(user.path("Dockerfile"), DOCKERFILE).unwrap();
    tiny_base(&user.path("base"), "linux/amd64");
    let said = user.run_bare(&["migrate"]).success().stdout;
    assert!(
        said.contains("   3  EXPOSE 8080 8081\n      option      --port 8081"),
        "{said}"
    );
    assert!(said.contains("      own base    "), "{said}");
    assert!(said.contains("One thing is left to do, above"), "{said}");
    let command = said.lines().last().unwrap().trim();
    assert_eq!(
        command,
        "mizzen build Web/hello-web.csproj --port 8081 --label 'team=the shop' -e GREETING=hello"
    );
    let words = [
        "Web/hello-web.csproj",
        "--port",
        "8081",
        "--label",
        "team=the shop",
    ];
    let more = [
        "-e",
        "GREETING=hello",
        "--base",
        "oci:base",
        "-o",
        "oci:out",
    ];
    user.build(&[&words[..], &more[..]].concat()).success();
    let config = user
        .run_bare(&["inspect", "oci:out", "--json"])
        .success()
        .stdout;
    for part in ["8081/tcp", "the shop", "GREETING=hello"] {
        assert!(config.contains(part), "{part}: {config}");
    }
    let said = user.run_bare(&["migrate", "no/Dockerfile"]).failure(7);
    assert!(said.contains("`no/Dockerfile` cannot be read"), "{said}");
    fs::write(user.path("Dockerfile"), "NONSENSE\n").unwrap();
    let said = user.run_bare(&["migrate"]).failure(2);
    assert!(said.contains("`Dockerfile` is not understood"), "{said}");
}
