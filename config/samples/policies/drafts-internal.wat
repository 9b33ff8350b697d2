;; A tenant's own rule: nobody reads `drafts/` from outside 10.0.0.0/8.
;;
;; It is a guard: it denies, or it has no opinion. Attributes are named by their place in the manifest's list, from 0.
;; Constants lie in the memory, one after the other; a question takes the address and the length.
;; Build it with `wat2wasm --enable-annotations`, `wasm-tools parse`, or hand the text to `postern module push`.
(module
  (import "postern" "starts_with" (func $starts_with (param i32 i32 i32) (result i32)))
  (import "postern" "equals" (func $equals (param i32 i32 i32) (result i32)))
  (import "postern" "in_network" (func $in_network (param i32 i32 i32) (result i32)))
  (import "postern" "because" (func $because (param i32 i32)))

  (memory (export "memory") 1 1)
  (data (i32.const 0) "drafts/")         ;; 7 bytes
  (data (i32.const 16) "obj.read")       ;; 8
  (data (i32.const 32) "obj.head")       ;; 8
  (data (i32.const 48) "10.0.0.0/8")     ;; 10
  (data (i32.const 64) "drafts-internal") ;; 15

  (func (export "decide") (result i32)
    ;; The key first: for most requests it is the only question.
    (if (i32.eqz (call $starts_with (i32.const 0) (i32.const 0) (i32.const 7)))
      (then (return (i32.const 0))))
    ;; To read is to get an object, its tags or its attributes, or to look at its head.
    (if (i32.eqz (call $equals (i32.const 1) (i32.const 16) (i32.const 8)))
      (then
        (if (i32.eqz (call $equals (i32.const 1) (i32.const 32) (i32.const 8)))
          (then (return (i32.const 0))))))
    (if (call $in_network (i32.const 2) (i32.const 48) (i32.const 10))
      (then (return (i32.const 0))))
    (call $because (i32.const 64) (i32.const 15))
    (i32.const 2))

  (@custom "postern.policy"
    "{ \"abi\": \"postern:policy/1\", \"name\": \"drafts-internal\", \"version\": \"1.0.0\","
    " \"description\": \"Nobody reads drafts/ from outside 10.0.0.0/8.\","
    " \"attributes\": [\"postern:Key\", \"postern:Atom\", \"aws:SourceIp\"],"
    " \"tests\": ["
    "{ \"name\": \"a draft is read from inside\", \"expect\": \"no-opinion\", \"facts\": {"
    " \"postern:Key\": \"drafts/a.txt\", \"postern:Atom\": \"obj.read\", \"aws:SourceIp\": \"10.1.2.3\" } },"
    " { \"name\": \"a draft is not read from outside\", \"expect\": \"deny\", \"because\": \"drafts-internal\", \"facts\": {"
    " \"postern:Key\": \"drafts/a.txt\", \"postern:Atom\": \"obj.read\", \"aws:SourceIp\": \"203.0.113.7\" } }"
    "] }"))
