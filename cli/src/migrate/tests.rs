use super::{Becomes, Migration};

fn migrated(text: &str) -> Migration {
    Migration::of(text).unwrap_or_else(|error| panic!("{error}"))
}

fn command(text: &str) -> String {
    migrated(text).command.join(" ")
}

/// Returns the words for each instruction, in order: `FROM already so`.
fn words(text: &str) -> Vec<String> {
    let lines = migrated(text).lines;
    let word = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
    let lines = lines
        .iter()
        .map(|line| format!("{} {}", word(&line.text), line.becomes.words()));
    lines.collect()
}

// As Visual Studio writes it: four stages, the project copied first, ports of HTTP and HTTPS.
const VISUAL_STUDIO: &str = r#"# A comment.
FROM mcr.microsoft.com/dotnet/aspnet:10.0 AS base
USER $APP_UID
WORKDIR /app
EXPOSE 8080
EXPOSE 8081

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
ARG BUILD_CONFIGURATION=Release
WORKDIR /src
COPY ["src/Orders/Orders.csproj", "src/Orders/"]
COPY ["src/Common/Common.csproj", "src/Common/"]
RUN dotnet restore "./src/Orders/Orders.csproj"
COPY . .
WORKDIR "/src/src/Orders"
RUN dotnet build "./Orders.csproj" -c $BUILD_CONFIGURATION -o /app/build

FROM build AS publish
ARG BUILD_CONFIGURATION=Release
RUN dotnet publish "./Orders.csproj" -c $BUILD_CONFIGURATION -o /app/publish /p:UseAppHost=false

FROM base AS final
WORKDIR /app
COPY --from=publish /app/publish .
ENTRYPOINT ["dotnet", "Orders.dll"]
"#;

#[test]
fn the_template_of_visual_studio_becomes_one_command() {
    assert_eq!(
        command(VISUAL_STUDIO),
        "mizzen build src/Orders/Orders.csproj --port 8081"
    );
    let words = words(VISUAL_STUDIO);
    assert_eq!(words.iter().filter(|it| it.contains("option")).count(), 1);
    let left = ["outside", "own base"];
    assert!(
        !words
            .iter()
            .any(|it| left.iter().any(|left| it.ends_with(left))),
        "{words:?}"
    );
    assert_eq!(words[0], "FROM already so");
    let lines = migrated(VISUAL_STUDIO).lines;
    assert_eq!((lines[0].number, lines[3].number), (2, 5));
}

// As Microsoft's samples are: two stages, the SDK on the build's platform, each platform by its name.
#[test]
fn the_shape_of_microsofts_samples_becomes_one_command() {
    let two_stages = "\
FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:10.0 AS build
ARG TARGETARCH
WORKDIR /source
COPY --link webapp/*.csproj .
RUN dotnet restore -a $TARGETARCH
COPY --link webapp/. .
RUN dotnet publish -a $TARGETARCH --no-restore -o /app

FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled
EXPOSE 8080
WORKDIR /app
COPY --link --from=build /app .
USER $APP_UID
ENTRYPOINT [\"./webapp\"]
";
    assert_eq!(
        command(two_stages),
        "mizzen build . --platform linux/amd64,linux/arm64"
    );
    let alpine = "\
FROM mcr.microsoft.com/dotnet/sdk:9.0-alpine AS build
WORKDIR /source
COPY complex/*.csproj complex/
RUN dotnet restore complex/complex.csproj -r linux-musl-x64
COPY . .
WORKDIR /source/complex
RUN dotnet publish -r linux-musl-x64 --self-contained true --no-restore -p:PublishTrimmed=true -o /app
FROM mcr.microsoft.com/dotnet/runtime-deps:9.0-alpine
ENV \\
    DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=false \\
    LC_ALL=en_US.UTF-8
COPY --from=build /app .
ENTRYPOINT [\"./complex\"]
";
    assert_eq!(
        command(alpine),
        "mizzen build complex -r linux-musl-x64 --self-contained -p PublishTrimmed=true \
         --base mcr.microsoft.com/dotnet/runtime-deps:9.0-alpine \
         -e DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=false -e LC_ALL=en_US.UTF-8"
    );
    let mounted = "\
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.nuget/packages \\
    dotnet restore Api/Api.csproj && \\
    dotnet test && \\
    dotnet publish Api/Api.csproj -c Debug -o /out
FROM mcr.microsoft.com/dotnet/aspnet:10.0
COPY --from=build /out /app
CMD dotnet /app/Api.dll
";
    assert_eq!(command(mounted), "mizzen build Api/Api.csproj -c Debug");
    assert!(words(mounted).contains(&" outside".to_owned()));
}

#[test]
fn what_an_image_says_becomes_options() {
    let text = "\
ARG VERSION=10.0
FROM node:22 AS assets
RUN npm ci
FROM mcr.microsoft.com/dotnet/sdk:${VERSION} AS build
RUN dotnet publish Shop -o /app
FROM registry.corp/aspnet:$VERSION
LABEL team=shop org.opencontainers.image.title=\"The shop\"
ENV Greeting \"hello world\"
ENV ASPNETCORE_HTTP_PORTS=8080
EXPOSE 53/udp 8080/tcp
VOLUME [\"/data\"]
STOPSIGNAL SIGINT
HEALTHCHECK --interval=30s --retries=3 CMD [\"/app/health\", \"now\"]
COPY --chown=1654:1654 certs/ca.pem settings.json /etc/shop/
COPY --from=assets /dist /app/wwwroot
RUN mkdir -p /var/shop && chown app /var/shop
USER root
WORKDIR /srv
ENTRYPOINT [\"dotnet\", \"Shop.dll\", \"--serve\"]
CMD [\"--quiet\"]
";
    let command = migrated(text).command;
    let has = |words: &[&str]| {
        assert!(
            command.windows(words.len()).any(|it| it == words),
            "{words:?} {command:?}"
        );
    };
    has(&["--base", "registry.corp/aspnet:10.0"]);
    has(&["--label", "team=shop"]);
    has(&["--label", "org.opencontainers.image.title=The shop"]);
    has(&["-e", "Greeting=hello world"]);
    has(&["--port", "53/udp"]);
    has(&["--volume", "/data"]);
    has(&["--stop-signal", "SIGINT"]);
    has(&[
        "--healthcheck",
        r#"{"Interval":"30s","Retries":3,"Test":["CMD","/app/health","now"]}"#,
    ]);
    has(&["--add", "certs/ca.pem:/etc/shop/ca.pem:uid=1654,gid=1654"]);
    has(&[
        "--add",
        "settings.json:/etc/shop/settings.json:uid=1654,gid=1654",
    ]);
    has(&["--writable", "/var/shop"]);
    has(&["--user", "root"]);
    has(&["--workdir", "/srv"]);
    has(&["--entrypoint", r#"["dotnet","Shop.dll","--serve"]"#]);
    has(&["--cmd", r#"["--quiet"]"#]);
    assert!(!command.contains(&"ASPNETCORE_HTTP_PORTS=8080".to_owned()));
    let all = words(text);
    assert_eq!(all[1], "FROM outside");
    assert!(all.contains(&"COPY outside".to_owned()), "{all:?}");
}

#[test]
fn what_a_distroless_image_cannot_do_is_said_with_the_reason() {
    let text = "\
FROM mcr.microsoft.com/dotnet/sdk:8.0 AS build
RUN curl -fsSL https://deb.example/setup | bash - && apt-get install -y nodejs
RUN dotnet publish -o /app
FROM mcr.microsoft.com/dotnet/aspnet:8.0
RUN apt-get update && apt-get install -y --no-install-recommends libfontconfig1 tzdata && rm -rf /var/lib/apt/lists/*
RUN adduser --disabled-password shop
RUN sed -i s/a/b/ /etc/ssl/openssl.cnf
HEALTHCHECK CMD curl --fail http://localhost:8080/health || exit 1
COPY --from=build /app .
ENTRYPOINT exec dotnet Shop.dll $OPTIONS
";
    let lines = migrated(text).lines;
    let own: Vec<&str> = lines
        .iter()
        .filter(|line| line.becomes == Becomes::OwnBase)
        .map(|line| line.why.as_str())
        .collect();
    assert_eq!(own.len(), 4, "{own:?}");
    assert!(own[0].contains("libfontconfig1, tzdata"), "{own:?}");
    assert!(own[1].contains("`sed`"), "{own:?}");
    assert!(own[2].contains("no shell"), "{own:?}");
    assert!(own[3].contains("no shell"), "{own:?}");
    assert_eq!(command(text), "mizzen build .");
    let windows = "FROM mcr.microsoft.com/dotnet/aspnet:8.0-nanoserver-1809\n";
    assert_eq!(words(windows), ["FROM outside"]);
    assert!(Migration::of("FROM a\nNONSENSE b\n").is_err());
}
