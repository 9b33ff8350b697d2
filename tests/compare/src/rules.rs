//! One list of rules, written in the languages of all engines, and the requests that all of them decide.
//!
//! The rules are those of a bucket that teams share: nothing over plain text, nothing deleted from the archive; each
//! user reads the own folder from the own network, uploads to an inbox over TLS, and reads what is tagged for them.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

/// The bucket that the rules are about.
pub const BUCKET: &str = "photos";
/// The account of all users.
pub const ACCOUNT: &str = "111111111111";

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    pub effect: Effect,
    /// A user; `None`: everyone.
    pub user: Option<String>,
    /// An action; `None`: any.
    pub action: Option<&'static str>,
    /// What the key begins with.
    pub prefix: String,
    pub condition: Option<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Debug)]
pub enum Condition {
    /// The caller's address is in this block.
    Network(String),
    /// The request came over TLS, or did not.
    Tls(bool),
    /// The object's tag `class` has this value.
    Tag(String),
}

/// What one request is, as far as the rules can see.
#[derive(Clone, Debug)]
pub struct Request {
    pub user: String,
    pub action: &'static str,
    pub key: String,
    pub address: Ipv4Addr,
    pub tls: bool,
    pub tag: String,
}

/// What an engine says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Allowed,
    /// A rule denies.
    Denied,
    /// No rule speaks of it.
    NoMatch,
}

/// The actions that requests ask for.
pub const ACTIONS: [&str; 3] = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"];

/// So many rules: one is a reader's, more begin with two that deny.
pub fn rules(count: usize) -> Vec<Rule> {
    let denials = [
        Rule {
            effect: Effect::Deny,
            user: None,
            action: None,
            prefix: String::new(),
            condition: Some(Condition::Tls(false)),
        },
        Rule {
            effect: Effect::Deny,
            user: None,
            action: Some("s3:DeleteObject"),
            prefix: "archive/".into(),
            condition: None,
        },
    ];
    let denials = denials.into_iter().take(if count > 2 { 2 } else { 0 });
    denials.chain((0..).map(allowing)).take(count).collect()
}

fn allowing(number: usize) -> Rule {
    let user = number / 3;
    let (action, prefix, condition) = match number % 3 {
        0 => {
            let network = format!("{}/24", Ipv4Addr::from(network(user)));
            let condition = Condition::Network(network);
            ("s3:GetObject", format!("team-{user}/"), condition)
        }
        1 => {
            let prefix = format!("team-{user}/inbox/");
            ("s3:PutObject", prefix, Condition::Tls(true))
        }
        _ => {
            let tag = format!("for-{user}");
            ("s3:GetObject", "shared/".to_owned(), Condition::Tag(tag))
        }
    };
    Rule {
        effect: Effect::Allow,
        user: Some(format!("user-{user}")),
        action: Some(action),
        prefix,
        condition: Some(condition),
    }
}

fn network(user: usize) -> [u8; 4] {
    [10, 7, u8::try_from(user % 256).unwrap_or(0), 0]
}

/// Requests of some users, from the first to the last that the rules name: allowed, denied, and such that no rule
/// speaks of.
pub fn requests(rules: &[Rule]) -> Vec<Request> {
    let users = rules
        .iter()
        .filter(|rule| rule.user.is_some())
        .count()
        .div_ceil(3);
    let step = users.div_ceil(6).max(1);
    (0..users)
        .step_by(step)
        .chain([users - 1])
        .flat_map(asked_by)
        .collect()
}

/// What one user asks.
fn asked_by(user: usize) -> [Request; 10] {
    let [a, b, c, _] = network(user);
    let usual = Request {
        user: format!("user-{user}"),
        action: "s3:GetObject",
        key: format!("team-{user}/2026/summer/0001.jpg"),
        address: Ipv4Addr::new(a, b, c, 9),
        tls: true,
        tag: "none".into(),
    };
    let put = Request {
        action: "s3:PutObject",
        key: format!("team-{user}/inbox/0001.jpg"),
        ..usual.clone()
    };
    let shared = Request {
        key: "shared/2026/0001.jpg".into(),
        ..usual.clone()
    };
    [
        // Allowed, where the rules reach so far.
        usual.clone(),
        put.clone(),
        Request {
            tag: format!("for-{user}"),
            ..shared.clone()
        },
        // Denied.
        Request {
            tls: false,
            ..usual.clone()
        },
        Request {
            action: "s3:DeleteObject",
            key: "archive/2020/0001.jpg".into(),
            ..usual.clone()
        },
        // No rule speaks of it: another network, folder, tag, action, caller.
        Request {
            address: Ipv4Addr::new(192, 0, 2, 1),
            ..usual.clone()
        },
        Request {
            key: format!("team-{user}/outbox/0001.jpg"),
            ..put
        },
        Request {
            tag: "for-nobody".into(),
            ..shared
        },
        Request {
            action: "s3:DeleteObject",
            ..usual.clone()
        },
        Request {
            user: "nobody".into(),
            ..usual
        },
    ]
}

impl Request {
    pub fn arn(&self) -> String {
        arn(&self.user)
    }

    pub fn resource(&self) -> String {
        format!("arn:aws:s3:::{BUCKET}/{}", self.key)
    }

    pub fn ip(&self) -> IpAddr {
        self.address.into()
    }
}

fn arn(user: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{user}")
}

/// The rules as a policy document of AWS.
pub fn aws(rules: &[Rule]) -> String {
    let statement = |(number, rule): (usize, &Rule)| {
        let mut statement = json!({
            "Sid": format!("S{number}"),
            "Effect": match rule.effect { Effect::Allow => "Allow", Effect::Deny => "Deny" },
            "Principal": rule.user.as_deref().map_or(json!("*"), |user| json!({ "AWS": arn(user) })),
            "Action": rule.action.unwrap_or("s3:*"),
            "Resource": format!("arn:aws:s3:::{BUCKET}/{}*", rule.prefix),
        });
        if let Some(condition) = &rule.condition {
            statement["Condition"] = match condition {
                Condition::Network(block) => json!({ "IpAddress": { "aws:SourceIp": block } }),
                Condition::Tls(tls) => {
                    json!({ "Bool": { "aws:SecureTransport": tls.to_string() } })
                }
                Condition::Tag(value) => {
                    json!({ "StringEquals": { "s3:ExistingObjectTag/class": value } })
                }
            };
        }
        statement
    };
    let statements: Vec<Value> = rules.iter().enumerate().map(statement).collect();
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// The rules as policies of Cedar.
pub fn cedar(rules: &[Rule]) -> String {
    let policy = |rule: &Rule| {
        let effect = match rule.effect {
            Effect::Allow => "permit",
            Effect::Deny => "forbid",
        };
        let principal = rule.user.as_ref().map_or("principal".to_owned(), |user| {
            format!("principal == User::\"{user}\"")
        });
        let action = rule.action.map_or("action".to_owned(), |action| {
            format!("action == Action::\"{action}\"")
        });
        let condition = match &rule.condition {
            None => String::new(),
            Some(Condition::Network(block)) => {
                format!(" && context.address.isInRange(ip(\"{block}\"))")
            }
            Some(Condition::Tls(tls)) => format!(" && context.tls == {tls}"),
            Some(Condition::Tag(value)) => format!(" && context.tag == \"{value}\""),
        };
        format!(
            "{effect} ({principal}, {action}, resource) when {{ context.key like \"{}*\"{condition} }};\n",
            rule.prefix
        )
    };
    rules.iter().map(policy).collect()
}

/// The rules as a package of Rego.
pub fn rego(rules: &[Rule]) -> String {
    let mut text = "package bucket\nimport rego.v1\n\
        default allowed := false\ndefault denied := false\ndefault answer := \"no match\"\n\
        answer := \"denied\" if denied\nanswer := \"allowed\" if { not denied; allowed }\n"
        .to_owned();
    for rule in rules {
        let head = match rule.effect {
            Effect::Allow => "allowed",
            Effect::Deny => "denied",
        };
        let mut body = Vec::new();
        body.extend(
            rule.user
                .as_ref()
                .map(|user| format!("input.user == \"{user}\"")),
        );
        body.extend(
            rule.action
                .map(|action| format!("input.action == \"{action}\"")),
        );
        body.push(format!("startswith(input.key, \"{}\")", rule.prefix));
        body.extend(rule.condition.as_ref().map(|condition| match condition {
            Condition::Network(block) => format!("net.cidr_contains(\"{block}\", input.address)"),
            Condition::Tls(tls) => format!("input.tls == {tls}"),
            Condition::Tag(value) => format!("input.tag == \"{value}\""),
        }));
        text += &format!("{head} if {{ {} }}\n", body.join("; "));
    }
    text
}
