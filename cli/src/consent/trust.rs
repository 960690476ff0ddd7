use mizzen_oci::Digest;
use std::str::FromStr;

/// What is allowed for one run, by `--trust` or `MIZZEN_TRUST`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Trust {
    /// Nothing beside what was allowed before.
    Nothing,
    /// Whatever is asked for.
    All,
    /// What makes up this very request, as `mizzen trust` names it: more is not allowed.
    Request(Digest),
}

impl FromStr for Trust {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Ok(Self::Nothing),
            "all" => Ok(Self::All),
            text => text.parse().map(Self::Request).map_err(|_| {
                "want `all`, or the name of a request that `mizzen trust --show` prints".to_owned()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Trust;

    #[test]
    fn trust_is_all_or_a_request_by_its_digest() {
        let digest = format!("sha256:{}", "0".repeat(64));
        assert!(matches!(digest.parse(), Ok(Trust::Request(_))));
        assert_eq!("all".parse(), Ok(Trust::All));
        assert_eq!("".parse(), Ok(Trust::Nothing));
        assert!("1".parse::<Trust>().is_err());
    }
}
