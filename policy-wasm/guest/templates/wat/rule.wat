;; my-rule: nobody deletes under `archive/` but its keepers.
(module
  (import "postern" "equals" (func $equals (param $attribute i32) (param $bytes i32) (param $length i32) (result i32)))
  (import "postern" "starts_with" (func $starts_with (param $attribute i32) (param $bytes i32) (param $length i32) (result i32)))
  (import "postern" "because" (func $because (param $bytes i32) (param $length i32)))

  (memory (export "memory") 1 1)
  (data (i32.const 0) "obj.delete")       ;; 10 bytes
  (data (i32.const 16) "archive/")        ;; 8
  (data (i32.const 32) "ada")             ;; 3
  (data (i32.const 48) "grace")           ;; 5
  (data (i32.const 64) "archive-keepers") ;; 15

  ;; Attributes are named by their places in manifest.json: 0 is postern:Atom, 1 postern:Key, 2 aws:username.
  ;; The answer is 0 no opinion, 1 allow, 2 deny.
  (func (export "decide") (result i32)
    ;; The question that decides most requests comes first: the answers are remembered as a tree.
    (if (i32.eqz (call $equals (i32.const 0) (i32.const 0) (i32.const 10)))
      (then (return (i32.const 0))))
    (if (i32.eqz (call $starts_with (i32.const 1) (i32.const 16) (i32.const 8)))
      (then (return (i32.const 0))))
    ;; The keepers.
    (if (call $equals (i32.const 2) (i32.const 32) (i32.const 3))
      (then (return (i32.const 0))))
    (if (call $equals (i32.const 2) (i32.const 48) (i32.const 5))
      (then (return (i32.const 0))))
    (call $because (i32.const 64) (i32.const 15))
    (i32.const 2)))
