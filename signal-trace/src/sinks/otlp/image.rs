//! The name of an image, taken apart as the semantic conventions want it.

/// `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`, or only the id of an image.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Image<'a> {
    /// Without tag and digest.
    pub name: Option<&'a str>,
    /// The tag.
    pub tag: Option<&'a str>,
    /// Name and digest, if it has one.
    pub repo_digest: Option<String>,
    /// `sha256:…`, if that is all.
    pub id: Option<&'a str>,
}

impl<'a> Image<'a> {
    /// Takes any text: what has no tag is all name.
    pub fn parse(text: &'a str) -> Self {
        if text.starts_with("sha256:") {
            return Self { id: Some(text), ..Self::default() };
        }
        let (tagged, digest) = match text.split_once('@') {
            Some((tagged, digest)) => (tagged, Some(digest)),
            None => (text, None),
        };
        // The colon of a port has a slash behind it.
        let (name, tag) = match tagged.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (tagged, None),
        };
        let given = |text: &'a str| (!text.is_empty()).then_some(text);
        Self {
            name: given(name),
            tag: tag.and_then(given),
            repo_digest: digest.map(|digest| format!("{name}@{digest}")),
            id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tags_and_digests_are_told_apart() {
        let parsed = |text| {
            let Image { name, tag, repo_digest, id } = Image::parse(text);
            [name, tag, repo_digest.as_deref(), id].map(|part| part.unwrap_or("-").to_owned())
        };
        for (text, parts) in [
            ("web", ["web", "-", "-", "-"]),
            ("acme/web:3", ["acme/web", "3", "-", "-"]),
            ("localhost:5000/web", ["localhost:5000/web", "-", "-", "-"]),
            ("localhost:5000/web:3", ["localhost:5000/web", "3", "-", "-"]),
            ("a/b@sha256:00", ["a/b", "-", "a/b@sha256:00", "-"]),
            ("a/b:3@sha256:00", ["a/b", "3", "a/b@sha256:00", "-"]),
            ("sha256:00", ["-", "-", "-", "sha256:00"]),
            ("", ["-", "-", "-", "-"]),
            ("web:", ["web", "-", "-", "-"]),
        ] {
            assert_eq!(parsed(text), parts, "{text}");
        }
    }
}
