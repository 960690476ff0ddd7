use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// The elements of a project file, of a `.slnx` or of a `.nuspec`, as .NET's own reader sees them.
///
/// A comment says nothing, `CDATA` is text like any other, and references stand for their
/// characters. Names are compared without regard to case, as MSBuild compares those of properties,
/// items and tasks. What comes before the first error is there, for `dotnet` may read more than this
/// does.
#[derive(Debug, Default)]
pub(crate) struct ProjectXml {
    elements: Vec<Element>,
    error: Option<String>,
}

/// An element; those around it are found by [`ProjectXml::ancestors`].
#[derive(Debug)]
pub(crate) struct Element {
    /// Its place in the list of all elements.
    parent: Option<usize>,
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
}

impl ProjectXml {
    /// Reads a text, which may begin with a byte order mark.
    pub(crate) fn read(text: &str) -> Self {
        let mut xml = Self::default();
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        let mut open: Vec<usize> = Vec::new();
        loop {
            let event = match reader.read_event() {
                Ok(Event::Eof) if open.is_empty() => return xml,
                Ok(Event::Eof) => {
                    xml.error = Some("an element has no end".to_owned());
                    return xml;
                }
                Ok(event) => event,
                Err(error) => {
                    xml.error = Some(error.to_string());
                    return xml;
                }
            };
            match event {
                Event::Start(element) => {
                    let at = xml.take(&element, open.last().copied());
                    open.push(at);
                }
                Event::Empty(element) => {
                    xml.take(&element, open.last().copied());
                }
                Event::End(_) => {
                    open.pop();
                }
                Event::Text(text) => xml.add_text(&open, &text),
                Event::CData(text) => xml.add_text(&open, &text),
                Event::GeneralRef(reference) => xml.add_text(&open, &text_of(&reference)),
                _ => {}
            }
        }
    }

    /// Returns why the text is no XML as a whole; `None` if it is.
    pub(crate) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Returns all elements, in the order of the text.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &Element> {
        self.elements.iter()
    }

    /// Returns the elements of this name.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &Element> {
        self.elements().filter(move |element| element.is(name))
    }

    /// Returns the elements that give the property `name` a value.
    pub(crate) fn properties(&self, name: &str) -> impl Iterator<Item = &Element> {
        let is_in_group = |element: &&Element| {
            let mut ancestors = self.ancestors(element);
            ancestors.next().is_some_and(|it| it.is("PropertyGroup"))
        };
        self.named(name).filter(is_in_group)
    }

    /// Returns the elements around `element`, the nearest first.
    pub(crate) fn ancestors(&self, element: &Element) -> impl Iterator<Item = &Element> {
        let parent = |at: usize| self.elements.get(at);
        let nearest = element.parent.and_then(parent);
        std::iter::successors(nearest, move |it| it.parent.and_then(parent))
    }

    /// Returns whether `element` may not apply: a condition decides, or a target that may not run.
    pub(crate) fn is_conditional(&self, element: &Element) -> bool {
        let mut all = std::iter::once(element).chain(self.ancestors(element));
        all.any(|it| it.attribute("Condition").is_some() || it.is("Otherwise") || it.is("Target"))
    }

    fn take(&mut self, element: &BytesStart<'_>, parent: Option<usize>) -> usize {
        let mut attributes = Vec::new();
        for attribute in element.attributes() {
            let attribute = match attribute {
                Ok(attribute) => attribute,
                Err(error) => {
                    self.error = Some(error.to_string());
                    continue;
                }
            };
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_or_else(|_| attribute.value.as_ref().to_owned(), String::from);
            attributes.push((attribute.key.as_ref().to_owned(), value));
        }
        self.elements.push(Element {
            parent,
            name: element.local_name().as_ref().to_owned(),
            attributes,
            text: String::new(),
        });
        self.elements.len() - 1
    }

    fn add_text(&mut self, open: &[usize], text: &str) {
        if let Some(element) = open.last().and_then(|at| self.elements.get_mut(*at)) {
            element.text.push_str(text);
        }
    }
}

impl Element {
    /// Returns the name without its prefix.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether this is the element's name, in any case.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Returns the value of an attribute, whose name may be in any case.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes();
        let is_it = |it: &(&str, &str)| it.0.eq_ignore_ascii_case(name);
        attributes.find(is_it).map(|(_, value)| value)
    }

    /// Returns the names and values of all attributes.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        let attributes = self.attributes.iter();
        attributes.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the text between the element's start and its end, that of inner elements left out.
    pub(crate) fn text(&self) -> &str {
        self.text.trim()
    }
}

// One that only a document type could define stays as it is written.
fn text_of(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(letter)) = reference.resolve_char_ref() {
        return letter.to_string();
    }
    let name: &str = reference;
    resolve_xml_entity(name).map_or_else(|| format!("&{name};"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::ProjectXml;

    fn value(inside: &str) -> String {
        let text = format!("\u{feff}<Project><PropertyGroup>{inside}</PropertyGroup></Project>");
        let xml = ProjectXml::read(&text);
        assert_eq!(xml.error(), None);
        let values: Vec<_> = xml.properties("A").map(super::Element::text).collect();
        values.join("|")
    }

    #[test]
    fn comments_say_nothing_and_all_else_between_two_tags_is_text() {
        assert_eq!(value("<!-- <A>x</A> --><B><![CDATA[<A>x</A>]]></B>"), "");
        assert_eq!(value("<a> one<!-- no --> two </a>"), "one two");
        assert_eq!(
            value("<A><![CDATA[<x>]]>&amp;&#x41;&none;</A>"),
            "<x>&A&none;"
        );
        assert_eq!(value("<A>1</A><A/><A Condition=\"x\">2</A>"), "1||2");
    }

    #[test]
    fn names_of_elements_and_attributes_know_no_case() {
        let xml = ProjectXml::read("<Project><n:item xmlns:n='u' include='a&#10;b'/></Project>");
        let item = xml.named("Item").next().unwrap();
        assert_eq!(item.attribute("Include"), Some("a\nb"));
        assert_eq!(item.attribute("Other"), None);
        assert!(xml.ancestors(item).all(|it| it.is("project")));
    }

    #[test]
    fn an_element_of_a_propertys_name_elsewhere_is_no_property() {
        let xml = ProjectXml::read("<Project><ItemGroup><A>1</A></ItemGroup><A>2</A></Project>");
        assert_eq!(xml.properties("A").count(), 0);
    }

    #[test]
    fn what_comes_before_an_error_is_read() {
        for text in [
            "<a><b x='1'/></c>",
            "<a><b x='1'/>",
            "<a><b x='1' x='2'/></a>",
        ] {
            let xml = ProjectXml::read(text);
            assert!(xml.error().is_some(), "{text}");
            assert_eq!(xml.named("b").next().unwrap().attribute("x"), Some("1"));
        }
        assert_eq!(ProjectXml::read("{}").elements().count(), 0);
    }

    #[test]
    fn nesting_without_end_needs_no_stack() {
        let text = "<a>".repeat(200_000);
        assert_eq!(ProjectXml::read(&text).elements().count(), 200_000);
    }
}
