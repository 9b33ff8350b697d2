//! Access control lists, who owns what is written, and what must not become public: the documents, and the headers that say the same.
//!
//! Source: S3 User Guide, "Access control list (ACL) overview"; S3 API Reference, PutBucketAcl, PutBucketOwnershipControls and
//! PutPublicAccessBlock.

use http::HeaderMap;

use crate::error::{S3Code, S3Error};
use crate::object::Owner;
use crate::xml::write::Xml;

/// Most grants of a list. Source: S3 User Guide: 100.
pub const GRANTS_MAX: usize = 100;
/// What the elements of grantees are qualified by.
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

macro_rules! words {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $about:literal])+ $variant:ident $word:literal)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[doc = $about])+ $variant,)+ }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As S3 writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The one that is written so.
            pub fn named(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.as_str() == text)
            }
        }
    };
}

words! {
    /// What a grant gives.
    Permission {
        /// All of the others.
        FullControl "FULL_CONTROL"
        /// Of a bucket: making, replacing and deleting its objects.
        Write "WRITE"
        /// Writing the list.
        WriteAcp "WRITE_ACP"
        /// Of a bucket: listing. Of an object: reading.
        Read "READ"
        /// Reading the list.
        ReadAcp "READ_ACP"
    }
}

words! {
    /// Whom a grant is for, where it is for many.
    Group {
        /// Everyone.
        AllUsers "http://acs.amazonaws.com/groups/global/AllUsers"
        /// Everyone who signs.
        AuthenticatedUsers "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
        /// Who delivers logs: nobody here.
        LogDelivery "http://acs.amazonaws.com/groups/s3/LogDelivery"
    }
}

words! {
    /// A list that has a name.
    Canned {
        /// The owner alone.
        Private "private"
        /// Everyone reads.
        PublicRead "public-read"
        /// Everyone reads and writes.
        PublicReadWrite "public-read-write"
        /// Everyone who signs reads.
        AuthenticatedRead "authenticated-read"
        /// Of an object: the owner of its bucket reads.
        BucketOwnerRead "bucket-owner-read"
        /// Of an object: the owner of its bucket may do everything.
        BucketOwnerFullControl "bucket-owner-full-control"
        /// Of a bucket: logs may be delivered to it.
        LogDeliveryWrite "log-delivery-write"
    }
}

words! {
    /// Who owns what is written to a bucket.
    Ownership {
        /// The owner of the bucket, and lists have no effect.
        BucketOwnerEnforced "BucketOwnerEnforced"
        /// The owner of the bucket, where the writer says so.
        BucketOwnerPreferred "BucketOwnerPreferred"
        /// Whoever writes it.
        ObjectWriter "ObjectWriter"
    }
}

/// Whom a grant is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grantee {
    /// An account or user, by canonical id.
    Id(String),
    /// The same, by e-mail address.
    Email(String),
    /// Many.
    Group(Group),
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// For whom.
    pub grantee: Grantee,
    /// What.
    pub permission: Permission,
}

/// A list that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AclAsk {
    /// One that has a name.
    Canned(Canned),
    /// These lines.
    Grants(Vec<Grant>),
}

/// A list as a document brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclDocument {
    /// The owner that it names.
    pub owner: Option<String>,
    /// Its lines.
    pub grants: Vec<Grant>,
}

/// What must not become public.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, as S3 has them"
)]
pub struct PublicBlock {
    /// Lists that open anything are refused.
    pub block_acls: bool,
    /// What lists open has no effect.
    pub ignore_acls: bool,
    /// Policies that open anything are refused.
    pub block_policy: bool,
    /// What a policy opens is open to the bucket's own account alone.
    pub restrict: bool,
}

/// The list that the headers of a request ask for: by name, or grant by grant.
///
/// # Errors
/// Both ways at once, a name that there is not, or a grantee that is none.
pub fn from_headers(headers: &HeaderMap) -> Result<Option<AclAsk>, S3Error> {
    let mut canned = None;
    let mut grants = Vec::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix("x-amz-") else {
            continue;
        };
        let text = String::from_utf8_lossy(value.as_bytes());
        if name == "acl" {
            let found = Canned::named(&text);
            let unknown = || S3Error::argument("", "x-amz-acl", text.clone());
            canned = Some(found.ok_or_else(unknown)?);
            continue;
        }
        let permission = match name {
            "grant-full-control" => Permission::FullControl,
            "grant-read" => Permission::Read,
            "grant-read-acp" => Permission::ReadAcp,
            "grant-write" => Permission::Write,
            "grant-write-acp" => Permission::WriteAcp,
            _ => continue,
        };
        for one in text.split(',') {
            let grantee = grantee(one)?;
            grants.push(Grant {
                grantee,
                permission,
            });
        }
    }
    match (canned, grants.is_empty()) {
        (Some(_), false) => Err(S3Error::with(
            S3Code::InvalidRequest,
            "Specifying both Canned ACLs and Header Grants is not allowed",
        )),
        (Some(canned), true) => Ok(Some(AclAsk::Canned(canned))),
        (None, false) => Ok(Some(AclAsk::Grants(bounded(grants)?))),
        (None, true) => Ok(None),
    }
}

/// One grantee of a header: `id="…"`, `uri="…"` or `emailAddress="…"`.
fn grantee(text: &str) -> Result<Grantee, S3Error> {
    let malformed = || S3Error::argument("Argument format not recognized", "x-amz-grant", text);
    let (kind, value) = text.trim().split_once('=').ok_or_else(malformed)?;
    let value = value.trim().trim_matches('"').to_owned();
    match kind.trim().to_ascii_lowercase().as_str() {
        "id" if !value.is_empty() => Ok(Grantee::Id(value)),
        "emailaddress" if !value.is_empty() => Ok(Grantee::Email(value)),
        "uri" => group(&value).map(Grantee::Group),
        _ => Err(malformed()),
    }
}

fn group(uri: &str) -> Result<Group, S3Error> {
    Group::named(uri).ok_or_else(|| S3Error::argument("Invalid group uri", "uri", uri))
}

fn bounded(grants: Vec<Grant>) -> Result<Vec<Grant>, S3Error> {
    if grants.len() > GRANTS_MAX {
        return Err(malformed());
    }
    Ok(grants)
}

fn malformed() -> S3Error {
    S3Error::new(S3Code::MalformedACLError)
}

/// Reads the document of PutBucketAcl and PutObjectAcl.
///
/// # Errors
/// MalformedACLError; InvalidArgument for a group that there is not.
pub fn read(body: &[u8]) -> Result<AclDocument, S3Error> {
    let tree = crate::xml::tree(body).map_err(|_| malformed())?;
    let (mut owner, mut grants) = (None, None);
    for child in tree
        .root("AccessControlPolicy")
        .map_err(|_| malformed())?
        .children()
    {
        match child.name() {
            "Owner" => {
                let id = child.children().find(|it| it.name() == "ID");
                owner = id.map(|id| id.text().trim().to_owned());
            }
            "AccessControlList" if grants.is_none() => {
                let mut all = Vec::new();
                for line in child.children() {
                    let (mut grantee, mut permission) = (None, None);
                    for part in line.children() {
                        match part.name() {
                            "Grantee" => {
                                for of in part.children() {
                                    let text = of.text().trim().to_owned();
                                    match of.name() {
                                        "ID" => grantee = Some(Grantee::Id(text)),
                                        "EmailAddress" => grantee = Some(Grantee::Email(text)),
                                        "URI" => grantee = Some(Grantee::Group(group(&text)?)),
                                        _ => {}
                                    }
                                }
                            }
                            "Permission" => permission = Permission::named(part.text().trim()),
                            _ => return Err(malformed()),
                        }
                    }
                    let line = grantee.zip(permission);
                    let (grantee, permission) = line.ok_or_else(malformed)?;
                    all.push(Grant {
                        grantee,
                        permission,
                    });
                }
                grants = Some(all);
            }
            _ => return Err(malformed()),
        }
    }
    Ok(AclDocument {
        owner,
        grants: bounded(grants.ok_or_else(malformed)?)?,
    })
}

/// Writes the document of GetBucketAcl and GetObjectAcl. Each line has its grantee as documents name him: of a group the URI is the
/// name, of anybody else canonical id and name.
pub fn write(owner: &Owner, lines: &[(Result<Owner, Group>, Permission)]) -> String {
    const ROOT: &str = "AccessControlPolicy";
    let mut xml = Xml::document(ROOT, 1_024);
    xml.person("Owner", owner);
    xml.open("AccessControlList");
    for (grantee, permission) in lines {
        xml.open("Grant");
        let kind = match grantee {
            Ok(_) => "CanonicalUser",
            Err(_) => "Group",
        };
        xml.raw(&format!(
            "<Grantee xmlns:xsi=\"{INSTANCE}\" xsi:type=\"{kind}\">"
        ));
        match grantee {
            Ok(user) => {
                xml.text("ID", &user.id);
                if !user.display_name.is_empty() {
                    xml.text("DisplayName", &user.display_name);
                }
            }
            Err(group) => xml.text("URI", group.as_str()),
        }
        xml.close("Grantee");
        xml.text("Permission", permission.as_str());
        xml.close("Grant");
    }
    xml.close("AccessControlList");
    xml.finish(ROOT)
}

/// Reads the document of PutBucketOwnershipControls.
///
/// # Errors
/// MalformedXML.
pub fn read_ownership(body: &[u8]) -> Result<Ownership, S3Error> {
    let tree = crate::xml::tree(body)?;
    let wrong = || S3Error::new(S3Code::MalformedXML);
    let mut found = None;
    for rule in tree.root("OwnershipControls")?.children() {
        for part in rule.children() {
            if rule.name() != "Rule" || part.name() != "ObjectOwnership" || found.is_some() {
                return Err(wrong());
            }
            found = Some(Ownership::named(part.text().trim()).ok_or_else(wrong)?);
        }
    }
    found.ok_or_else(wrong)
}

/// Writes the document of GetBucketOwnershipControls.
pub fn write_ownership(ownership: Ownership) -> String {
    const ROOT: &str = "OwnershipControls";
    let mut xml = Xml::document(ROOT, 256);
    xml.open("Rule");
    xml.text("ObjectOwnership", ownership.as_str());
    xml.close("Rule");
    xml.finish(ROOT)
}

/// Reads the document of PutPublicAccessBlock.
///
/// # Errors
/// MalformedXML.
pub fn read_block(body: &[u8]) -> Result<PublicBlock, S3Error> {
    let tree = crate::xml::tree(body)?;
    let wrong = || S3Error::new(S3Code::MalformedXML);
    let mut block = PublicBlock::default();
    for child in tree.root("PublicAccessBlockConfiguration")?.children() {
        let value = match child.text().trim() {
            text if text.eq_ignore_ascii_case("true") => true,
            text if text.eq_ignore_ascii_case("false") => false,
            _ => return Err(wrong()),
        };
        match child.name() {
            "BlockPublicAcls" => block.block_acls = value,
            "IgnorePublicAcls" => block.ignore_acls = value,
            "BlockPublicPolicy" => block.block_policy = value,
            "RestrictPublicBuckets" => block.restrict = value,
            _ => return Err(wrong()),
        }
    }
    Ok(block)
}

/// Writes the document of GetPublicAccessBlock.
pub fn write_block(block: PublicBlock) -> String {
    const ROOT: &str = "PublicAccessBlockConfiguration";
    let mut xml = Xml::document(ROOT, 512);
    xml.plain("BlockPublicAcls", block.block_acls);
    xml.plain("IgnorePublicAcls", block.ignore_acls);
    xml.plain("BlockPublicPolicy", block.block_policy);
    xml.plain("RestrictPublicBuckets", block.restrict);
    xml.finish(ROOT)
}

/// Writes the document of GetBucketPolicyStatus.
pub fn write_policy_status(is_public: bool) -> String {
    const ROOT: &str = "PolicyStatus";
    let mut xml = Xml::document(ROOT, 128);
    xml.plain("IsPublic", is_public);
    xml.finish(ROOT)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> Result<Option<AclAsk>, S3Error> {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        from_headers(&pairs.collect())
    }

    #[test]
    fn headers_name_a_list_or_its_grants_and_not_both() {
        assert_eq!(headers(&[("x-amz-date", "x")]).unwrap(), None);
        let canned = headers(&[("x-amz-acl", "public-read")]).unwrap();
        assert_eq!(canned, Some(AclAsk::Canned(Canned::PublicRead)));
        let all = Group::AllUsers.as_str();
        let text = Box::leak(format!("id=\"1\", uri={all}, emailAddress=a@b.c").into_boxed_str());
        let Some(AclAsk::Grants(grants)) = headers(&[("x-amz-grant-read", text)]).unwrap() else {
            panic!("grants");
        };
        let grantees: Vec<Grantee> = grants.into_iter().map(|it| it.grantee).collect();
        let wanted = [
            Grantee::Id("1".to_owned()),
            Grantee::Group(Group::AllUsers),
            Grantee::Email("a@b.c".to_owned()),
        ];
        assert_eq!(grantees, wanted);
        for wrong in [
            &[("x-amz-acl", "public")][..],
            &[("x-amz-acl", "private"), ("x-amz-grant-read", "id=1")],
            &[("x-amz-grant-read", "1")],
            &[("x-amz-grant-read", "uri=http://example.com/")],
        ] {
            assert!(headers(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let owner = Owner {
            id: "1".to_owned(),
            display_name: "<ann>".to_owned(),
        };
        let lines = [
            (Ok(owner.clone()), Permission::FullControl),
            (Err(Group::AuthenticatedUsers), Permission::ReadAcp),
        ];
        let text = write(&owner, &lines);
        let document = read(text.as_bytes()).unwrap();
        assert_eq!(document.owner.as_deref(), Some("1"));
        let wanted = [
            (Grantee::Id("1".to_owned()), Permission::FullControl),
            (
                Grantee::Group(Group::AuthenticatedUsers),
                Permission::ReadAcp,
            ),
        ];
        let wanted = wanted.map(|(grantee, permission)| Grant {
            grantee,
            permission,
        });
        assert_eq!(document.grants, wanted);
        for wrong in [
            "",
            "<AccessControlPolicy/>",
            "<AccessControlPolicy><AccessControlList><Grant/></AccessControlList></AccessControlPolicy>",
            "<AccessControlPolicy><AccessControlList><Grant><Grantee><ID>1</ID></Grantee><Permission>ALL</Permission></Grant></AccessControlList></AccessControlPolicy>",
        ] {
            assert_eq!(
                read(wrong.as_bytes()).unwrap_err().code,
                S3Code::MalformedACLError,
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_small_documents_are_read_as_they_were_written() {
        for ownership in Ownership::ALL {
            let text = write_ownership(*ownership);
            assert_eq!(read_ownership(text.as_bytes()).unwrap(), *ownership);
        }
        let block = PublicBlock {
            ignore_acls: true,
            restrict: true,
            ..PublicBlock::default()
        };
        assert_eq!(read_block(write_block(block).as_bytes()).unwrap(), block);
        assert!(
            read_block(
                b"<PublicAccessBlockConfiguration><X>true</X></PublicAccessBlockConfiguration>"
            )
            .is_err()
        );
        assert!(read_ownership(b"<OwnershipControls/>").is_err());
    }
}
