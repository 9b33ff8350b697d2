//! What is wrong with a document is said with its line, its column and what was expected; all of it at once.

use policy_wasm::compiler::document::{
    self, Advice, Audience, Cause, Context, Document, DocumentError, Kind,
};
use policy_wasm::limits::{DOCUMENT_BYTES_MAX, DOCUMENT_STATEMENTS_MAX};
use policy_wasm::manifest::Manifest;

use super::context;

fn faults(text: &str, bucket: bool) -> Vec<String> {
    match document::read(text, &context(bucket)) {
        Err(DocumentError::Faults(faults)) => {
            faults.as_slice().iter().map(ToString::to_string).collect()
        }
        other => panic!("no faults: {other:?}\n{text}"),
    }
}

fn read(text: &str, bucket: bool) -> Document {
    document::read(text, &context(bucket)).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn warnings(text: &str, bucket: bool) -> Vec<String> {
    let document = read(text, bucket);
    document.warnings.iter().map(ToString::to_string).collect()
}

/// A bucket policy of one statement that allows, with these members besides.
fn statement(members: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{members}}}}}"#)
}

/// The same with everything that a statement needs.
fn condition(block: &str) -> String {
    statement(&format!(
        r#""Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/*","Condition":{block}"#
    ))
}

/// The only fault, without its place.
fn only(text: &str) -> String {
    let faults = faults(text, true);
    let [fault] = faults.as_slice() else {
        panic!("{faults:#?}\n{text}");
    };
    fault.split_once(": ").expect("a place").1.to_owned()
}

#[test]
fn all_faults_are_reported_at_once_each_with_its_place() {
    let text = r#"{
  "Version": "2012-10-18",
  "Statment": [],
  "Statement": [
    {
      "Sid": "one",
      "Effect": "allow",
      "Principal": {"AWS": "arn:aws:iam::12:user/x"},
      "Action": ["s3:GetObjct", "s3:Frob*"],
      "Resource": "arn:aws:s3:::others/*",
      "Condition": {
        "StringEqual": {"aws:SourceIp": "10.0.0.0/8"},
        "IpAddress": {"aws:SourceIP": ["10.0.0.0/8", "ten"], "aws:SorceIp": "10.0.0.1"},
        "NumericLessThan": {"s3:max-keys": "1.2345"}
      }
    },
    {"Sid": "one", "Effect": "Deny", "Principal": "*", "Action": "*", "Effect": "Deny"}
  ]
}"#;
    assert_eq!(
        faults(text, true),
        [
            "line 2, column 14: unknown version `2012-10-18`; did you mean `2012-10-17`?",
            "line 3, column 3: unknown element of a policy `Statment`; did you mean `Statement`?",
            "line 7, column 17: unknown effect `allow`; did you mean `Allow`?",
            "line 8, column 28: `arn:aws:iam::12:user/x` is no principal: expected `*`, the number of an account, or the ARN of an account (`arn:aws:iam::123456789012:root`), user, role or session",
            "line 9, column 18: unknown action `s3:GetObjct`; did you mean `s3:GetObject`?",
            "line 9, column 33: no action of S3 fits `s3:Frob*`",
            "line 10, column 19: `arn:aws:s3:::others/*` is not in this bucket: expected `arn:aws:s3:::photos` or `arn:aws:s3:::photos/…`",
            "line 12, column 9: unknown condition operator `StringEqual`; did you mean `StringEquals`?",
            "line 13, column 54: `ten` is no address or block of addresses, as `192.0.2.0/24` or `2001:db8::/32`",
            "line 13, column 62: unknown condition key `aws:SorceIp`; did you mean `aws:SourceIp`?",
            "line 14, column 44: `1.2345` does not fit: numbers have at most three digits behind the point and are below 9×10¹⁵",
            "line 17, column 5: `Resource` is missing",
            "line 17, column 13: another statement has the Sid `one`, in line 6, column 14",
            "line 17, column 71: `Effect` stands here twice, first in line 17, column 20",
        ]
    );
}

#[test]
fn what_is_no_json_is_refused_where_it_stops_being_json() {
    for (text, fault) in [
        ("", "line 1, column 1: not JSON: EOF while parsing a value"),
        (
            "{\"Statement\": [,]}",
            "line 1, column 16: not JSON: expected value",
        ),
        (
            "{\"Version\": \"2012-10-17\", // why not\n}",
            "line 1, column 27: not JSON: key must be a string",
        ),
    ] {
        assert_eq!(faults(text, true), [fault]);
    }
    assert_eq!(
        faults("[]", false),
        ["line 1, column 1: a list where a policy, which is an object, belongs"]
    );
}

#[test]
fn elements_that_are_needed_or_exclude_each_other_are_held_to_it() {
    let resource = r#""Resource":"arn:aws:s3:::photos/*""#;
    for (members, fault) in [
        (
            format!(r#""Action":"*",{resource}"#),
            "`Principal` is missing",
        ),
        (
            format!(r#""Principal":"*",{resource}"#),
            "`Action` is missing",
        ),
        (
            r#""Principal":"*","Action":"*""#.into(),
            "`Resource` is missing",
        ),
        (
            format!(r#""Principal":"*","Action":"*","NotAction":"*",{resource}"#),
            "both `Action` and `NotAction`: a statement has one of them",
        ),
        (
            format!(r#""Principal":"*","NotPrincipal":"*","Action":"*",{resource}"#),
            "both `Principal` and `NotPrincipal`: a statement has one of them",
        ),
        (
            format!(r#""NotPrincipal":{{"AWS":"123456789012"}},"Action":"*",{resource}"#),
            "`NotPrincipal` with `Allow` would allow everyone else, unsigned requests among them; name whom to allow",
        ),
        (
            format!(r#""Principal":"*","Action":"*",{resource},"Conditions":{{}}"#),
            "unknown element of a statement `Conditions`; did you mean `Condition`?",
        ),
        (
            format!(r#""Principal":"*","Action":5,{resource}"#),
            "a number where an action, as `s3:GetObject`, belongs",
        ),
        (
            format!(r#""Principal":"*","Action":"*","Condition":[],{resource}"#),
            "a list where an object of condition operators belongs",
        ),
    ] {
        assert_eq!(only(&statement(&members)), fault);
    }
    assert_eq!(
        only(r#"{"Version":"2012-10-17"}"#),
        "`Statement` is missing"
    );
    assert_eq!(
        only(r#"{"Statement":[]}"#),
        "a policy has at least one statement"
    );
}

#[test]
fn an_identity_policy_has_no_principal() {
    let text = r#"{"Statement":{"Effect":"Deny","Principal":"*","NotPrincipal":"*","Action":"*","Resource":"*"}}"#;
    assert_eq!(
        faults(text, false),
        [
            "line 1, column 31: `Principal` in an identity policy: the principal is whoever the policy is attached to",
            "line 1, column 47: `NotPrincipal` in an identity policy: the principal is whoever the policy is attached to",
        ]
    );
}

#[test]
fn principals_that_do_not_exist_here_are_refused() {
    let principal = |principal: &str| {
        only(&statement(&format!(
            r#""Principal":{principal},"Action":"*","Resource":"arn:aws:s3:::photos/*""#
        )))
    };
    assert_eq!(
        principal(r#"{"Service":"logging.s3.amazonaws.com"}"#),
        "there are no principals of the kind `Service` here; use `AWS` with accounts, users and roles"
    );
    assert_eq!(
        principal(r#"{"aws":"123456789012"}"#),
        "unknown kind of principals `aws`; did you mean `AWS`?"
    );
    assert_eq!(
        principal(r#"{"AWS":"arn:aws:iam::123456789012:user/*"}"#),
        "`arn:aws:iam::123456789012:user/*`: a principal has no wildcards; use the principal `*` with the condition `ArnLike` on `aws:PrincipalArn`"
    );
    assert!(principal(r#""123456789012""#).contains("is no principal"));
    assert!(principal("[]").starts_with("a list where"));
}

#[test]
fn resources_and_actions_are_held_to_their_form() {
    let to = |action: &str, resource: &str| {
        statement(&format!(
            r#""Principal":"*","Action":"{action}","Resource":"{resource}""#
        ))
    };
    let photos = "arn:aws:s3:::photos/*";
    for (action, resource, fault) in [
        (
            "*",
            "photos/*",
            "`photos/*` is no resource: expected `*` or an ARN, as `arn:aws:s3:::bucket/key*`",
        ),
        (
            "*",
            "*",
            "`*` is not in this bucket: expected `arn:aws:s3:::photos` or `arn:aws:s3:::photos/…`",
        ),
        (
            "*",
            "arn:aws:s3:::photo*",
            "`arn:aws:s3:::photo*` is not in this bucket: expected `arn:aws:s3:::photos` or `arn:aws:s3:::photos/…`",
        ),
        (
            "*",
            "arn:aws:${aws:username}:::photos",
            "`arn:aws:${aws:username}:::photos`: a variable stands behind the fifth colon of a resource",
        ),
        (
            "GetObject",
            photos,
            "`GetObject` is no action: expected `*` or a service, a colon and a name, as `s3:GetObject`",
        ),
        (
            "*:GetObject",
            photos,
            "`*:GetObject` is no action: expected `*` or a service, a colon and a name, as `s3:GetObject`",
        ),
        (
            "ec2:RunInstances",
            photos,
            "`ec2:RunInstances` is no action on a bucket: expected an action of `s3`",
        ),
        (
            "s3:ListBuckets",
            photos,
            "unknown action `s3:ListBuckets`; did you mean `s3:ListBucket`?",
        ),
    ] {
        assert_eq!(only(&to(action, resource)), fault);
    }
}

fn assert_only(cases: &[(&str, &str)]) {
    for (block, fault) in cases {
        assert_eq!(only(&condition(block)), *fault, "{block}");
    }
}

#[test]
fn conditions_are_held_to_operator_key_and_type() {
    assert_only(&[
        (
            r#"{"stringequals":{"aws:username":"x"}}"#,
            "unknown condition operator `stringequals`; did you mean `StringEquals`?",
        ),
        (
            r#"{"ForAnyValues:StringLike":{"s3:RequestObjectTagKeys":"x"}}"#,
            "unknown condition operator `ForAnyValues:StringLike`; expected an operator of IAM, as `StringEquals`",
        ),
        (
            r#"{"BinaryEquals":{"aws:username":"QmluYXJ5"}}"#,
            "`BinaryEquals` is not supported: no key of S3 is binary",
        ),
        (
            r#"{"NullIfExists":{"aws:username":"true"}}"#,
            "`NullIfExists`: `Null` takes neither `IfExists` nor a prefix",
        ),
        (
            r#"{"Null":{"aws:username":"maybe"}}"#,
            "`maybe` is neither `true` nor `false`",
        ),
        (
            r#"{"StringEquals":{"s3:RequestObjectTagKeys":"x"}}"#,
            "`s3:RequestObjectTagKeys` has several values: say `ForAnyValue:StringEquals` or `ForAllValues:StringEquals`",
        ),
        (
            r#"{"StringEquals":{"aws:CurrentTime":"2026-01-01"}}"#,
            "`StringEquals` does not compare `aws:CurrentTime`, which is a moment; use `DateLessThan`, `DateGreaterThan` and the like",
        ),
        (
            r#"{"IpAddress":{"s3:max-keys":"10.0.0.1"}}"#,
            "`IpAddress` does not compare `s3:max-keys`, which is a number; use `NumericEquals`, `NumericLessThan` and the like",
        ),
        (
            r#"{"StringEquals":{"aws:SourceVpc":"vpc-1"}}"#,
            "`aws:SourceVpc` is a key of AWS that has no answer here",
        ),
        (
            r#"{"StringEquals":{"aws:PrincipalTag":"x"}}"#,
            "`aws:PrincipalTag`: expected `aws:PrincipalTag/` and the name of a tag",
        ),
        (
            r#"{"StringEquals":{"aws:username/x":"x"}}"#,
            "`aws:username/x`: expected `aws:username`",
        ),
    ]);
}

#[test]
fn values_of_conditions_are_held_to_their_type() {
    assert_only(&[
        (
            r#"{"StringEquals":{"aws:username":"x","AWS:UserName":"y"}}"#,
            "`AWS:UserName` stands here twice, first in line 1, column 159",
        ),
        (
            r#"{"StringEquals":{"aws:username":["x",null]}}"#,
            "null where a text, number or truth value belongs",
        ),
        (
            r#"{"StringEquals":{"aws:username":"${aws:usrname}"}}"#,
            "unknown variable `aws:usrname`; did you mean `aws:username`?",
        ),
        (
            r#"{"StringEquals":{"aws:username":"${aws:username"}}"#,
            "`${aws:username`: a variable ends with `}`",
        ),
        (
            r#"{"NumericEquals":{"s3:max-keys":"${aws:username}"}}"#,
            "`${aws:username}`: only operators on texts and on ARNs take variables",
        ),
        (
            r#"{"NumericEquals":{"s3:max-keys":"1e3"}}"#,
            "`1e3` is no decimal number, as `10` or `1.2`",
        ),
        (
            r#"{"DateLessThan":{"aws:CurrentTime":"2026"}}"#,
            "`2026` is no moment: expected ISO 8601, as `2026-01-31T12:00:00Z`, or whole seconds since 1970",
        ),
        (
            r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*"}}"#,
            "`arn:aws:iam::*` is no ARN: expected six parts with five colons between them, or `*`",
        ),
        (
            r#"{"ArnLike":{"aws:PrincipalArn":"${aws:username}:a:b"}}"#,
            "`${aws:username}:a:b` is no ARN: expected six parts with five colons between them, or `*`",
        ),
        (
            r#"{"Bool":{"aws:SecureTransport":"yes"}}"#,
            "`yes` is neither `true` nor `false`",
        ),
        (
            r#"{"StringEquals":"x"}"#,
            "a text where an object of condition keys belongs",
        ),
    ]);
}

#[test]
fn what_is_odd_is_a_warning_with_its_place() {
    let of = |block: &str| {
        warnings(&condition(block), true)
            .iter()
            .map(|warning| warning.split_once(": ").expect("a place").1.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of(r#"{"StringEquals":{"aws:username":"a*"}}"#),
        ["`a*`: `StringEquals` takes `*` and `?` as they are; `StringLike` has wildcards"]
    );
    assert_eq!(
        of(r#"{"ForAnyValue:StringLike":{"aws:username":"a*"}}"#),
        ["`aws:username` has one value: `ForAnyValue:StringLike` needs no prefix"]
    );
    assert_eq!(
        of(r#"{"ForAllValues:StringLike":{"s3:RequestObjectTagKeys":"a*"}}"#),
        [
            "`ForAllValues:StringLike` holds where `s3:RequestObjectTagKeys` is absent; add `\"Null\": {\"s3:RequestObjectTagKeys\": \"false\"}` if it must be there"
        ]
    );
    assert_eq!(
        of(r#"{"StringEquals":{"aws:username":[]}}"#),
        ["`Condition key` is empty: no value is in an empty list"]
    );

    let idle = statement(
        r#""Principal":"*","Action":["s3:ListBucket","s3:GetObject"],"Resource":"arn:aws:s3:::photos/*""#,
    );
    assert_eq!(
        warnings(&idle, true),
        ["line 1, column 81: `s3:ListBucket` is done to buckets, and the statement names none"]
    );

    let old = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::photos/${aws:username}"}}"#;
    assert_eq!(
        warnings(old, false),
        [
            "line 1, column 56: `arn:aws:s3:::photos/${aws:username}` is plain text here: variables need `\"Version\": \"2012-10-17\"`"
        ]
    );
    let foreign = r#"{"Statement":{"Effect":"Allow","Action":["ec2:*","s3:*"],"Resource":["arn:aws:ec2:::x","*"]}}"#;
    assert_eq!(warnings(foreign, false).len(), 2);

    let others = r#"{"Statement":{"Effect":"Deny","NotPrincipal":{"AWS":"123456789012"},"Action":"*","Resource":"arn:aws:s3:::photos/*"}}"#;
    let others = read(others, true);
    assert_eq!(others.warnings[0].advice, Advice::NotPrincipal);
    assert!(others.warnings[0].to_string().contains("aws:PrincipalArn"));
}

#[test]
fn statements_have_names_and_places_and_audiences() {
    let text = r#"{
  "Id": "one",
  "Statement": [
    {"Sid": "read", "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "arn:aws:s3:::photos/*"},
    {"Sid": "", "Effect": "Allow", "Principal": {"AWS": ["123456789012", "123456789012"]}, "Action": "*", "Resource": "arn:aws:s3:::photos/*"},
    {"Sid": "é", "Effect": "Deny", "NotPrincipal": {"AWS": "123456789012"}, "Action": "*", "Resource": "arn:aws:s3:::photos/*"},
    {"Sid": "ö", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "*", "Resource": "arn:aws:s3:::photos/*"}
  ]
}"#;
    let document = read(text, true);
    assert_eq!(document.id.as_deref(), Some("one"));
    let root = || vec!["arn:aws:iam::123456789012:root".to_owned()];
    let shown: Vec<_> = document
        .places
        .iter()
        .map(|place| (place.id.as_str(), place.at.line, place.audience.clone()))
        .collect();
    assert_eq!(
        shown,
        [
            ("read", 4, Audience::Everyone),
            ("statement 2", 5, Audience::Named(root())),
            ("_", 6, Audience::EveryoneBut(root())),
            ("_~2", 7, Audience::Everyone),
        ]
    );
    let place = document.place("_~2").expect("a place");
    assert_eq!(place.sid.as_deref(), Some("ö"));
    let written = text.get(place.bytes.clone()).expect("a statement");
    assert!(written.starts_with("{\"Sid\": \"ö\""));
    assert_eq!(
        Vec::from_iter(document.allowed_accounts()),
        ["123456789012"]
    );
    let ids: Vec<_> = document.statements.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["read", "statement 2", "_", "_~2"]);
}

#[test]
fn what_everyone_may_do_is_public_unless_it_is_held_to_fixed_values() {
    let public = |block: &str| read(&condition(block), true).is_public();
    for block in [
        "{}",
        r#"{"StringLike":{"aws:Referer":"http://example.com/*"}}"#,
        r#"{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","0.0.0.0/1"]}}"#,
        r#"{"IpAddressIfExists":{"aws:SourceIp":"192.0.2.0/24"}}"#,
        r#"{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#,
        r#"{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*"}}"#,
        r#"{"StringEquals":{"aws:userid":"${aws:userid}"}}"#,
        r#"{"Null":{"aws:PrincipalArn":"false"}}"#,
    ] {
        assert!(public(block), "{block}");
    }
    for block in [
        r#"{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","2001:db8::/32"]}}"#,
        r#"{"StringEquals":{"aws:PrincipalAccount":"123456789012"}}"#,
        r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::123456789012:user/ann"}}"#,
    ] {
        assert!(!public(block), "{block}");
    }
    let named = statement(
        r#""Principal":{"AWS":"123456789012"},"Action":"*","Resource":"arn:aws:s3:::photos/*""#,
    );
    assert!(!read(&named, true).is_public());
    let public = read(&condition("{}"), true);
    let ids: Vec<_> = public
        .public_statements()
        .map(|place| place.id.as_str())
        .collect();
    assert_eq!(ids, ["statement 1"]);
}

#[test]
fn a_document_at_its_bound_is_read_and_one_byte_more_is_not() {
    let text = condition("{}");
    let padded = |bytes: usize| text.clone() + &" ".repeat(bytes - text.len());
    read(&padded(DOCUMENT_BYTES_MAX), true);
    assert_eq!(
        faults(&padded(DOCUMENT_BYTES_MAX + 1), true),
        ["line 1, column 1: 20481 bytes, more than the 20480 of a document"]
    );
}

#[test]
fn as_many_statements_as_a_document_may_have_are_read_and_one_more_is_not() {
    let of = |count: usize| {
        let one = r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#;
        format!(r#"{{"Statement":[{}]}}"#, vec![one; count].join(","))
    };
    let most = read(&of(DOCUMENT_STATEMENTS_MAX), false);
    assert_eq!(most.statements.len(), DOCUMENT_STATEMENTS_MAX);
    assert_eq!(
        faults(&of(DOCUMENT_STATEMENTS_MAX + 1), false),
        ["line 1, column 14: 401 statements, more than the 400 of a document"]
    );
}

#[test]
fn a_document_that_no_module_can_hold_is_refused_with_the_statement() {
    // A list that every value must be in is one question, and this one is longer than a question may be.
    let keys: Vec<String> = (0..200)
        .map(|n| format!("\"a long name of a tag {n}\""))
        .collect();
    let text = condition(&format!(
        r#"{{"ForAllValues:StringEquals":{{"s3:RequestObjectTagKeys":[{}]}}}}"#,
        keys.join(",")
    ));
    let error = document::compile_document(&text, &context(true), &Manifest::new("m", "1"));
    let Err(DocumentError::Compile { at, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!((at.line, at.column), (1, 37));
}

#[test]
fn causes_are_matched_as_values() {
    let context = Context {
        kind: Kind::Identity,
        ..context(true)
    };
    let Err(DocumentError::Faults(faults)) = document::read("{}", &context) else {
        panic!("a fault");
    };
    assert!(matches!(
        faults.as_slice()[0].cause,
        Cause::Missing("`Statement`")
    ));
}
