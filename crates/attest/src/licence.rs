use mizzen_dotnet::PackageLicence;

/// A licence as a bill of materials can say it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Licence {
    /// An expression of licences that SPDX lists.
    Expression(String),
    /// Something else: the name of a file, an expression with a licence that SPDX does not list.
    Named(String),
    /// A page.
    Url(String),
}

impl Licence {
    /// Returns what a NuGet package states.
    pub(crate) fn of_package(licence: &PackageLicence) -> Self {
        match licence {
            PackageLicence::Expression(expression) => Self::of_expression(expression),
            PackageLicence::File(file) => Self::Named(format!("the package's file {file}")),
            PackageLicence::Url(url) => Self::Url(url.clone()),
        }
    }

    /// Returns an expression, or a name if SPDX does not know all of it.
    pub(crate) fn of_expression(text: &str) -> Self {
        match ::spdx::Expression::parse(text) {
            Ok(expression) => Self::Expression(expression.to_string()),
            Err(_) => Self::Named(text.to_owned()),
        }
    }

    /// Returns the licence if the expression is one alone, without exception or choice.
    pub(crate) fn single(&self) -> Option<&str> {
        match self {
            Self::Expression(text) => ::spdx::license_id(text).map(|_| text.as_str()),
            Self::Named(_) | Self::Url(_) => None,
        }
    }

    /// Returns what people read.
    pub fn text(&self) -> &str {
        match self {
            Self::Expression(text) | Self::Named(text) | Self::Url(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Licence;

    #[test]
    fn an_expression_is_one_if_spdx_lists_all_of_it() {
        let of = Licence::of_expression;
        assert_eq!(of("MIT"), Licence::Expression("MIT".to_owned()));
        assert_eq!(of("MIT").single(), Some("MIT"));
        let either = of("MIT OR Apache-2.0");
        assert_eq!(either, Licence::Expression("MIT OR Apache-2.0".to_owned()));
        assert_eq!(either.single(), None);
        assert_eq!(of("Shop-1.0"), Licence::Named("Shop-1.0".to_owned()));
    }
}
