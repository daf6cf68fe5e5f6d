import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { canonicalize } from '../../src/core/canonical.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { argsDigest, delegationDigest, intentDigest } from '../../src/gate/intent/digest.ts';
import type { Intent } from '../../src/gate/intent/intent.ts';
import { MAX_INTENT_BYTES, parseIntent, readIntent } from '../../src/gate/intent/reader.ts';
import { MAX_TARGETS } from '../../src/gate/intent/targets.ts';
import { gaitError } from '../support/refusals.ts';

const CONTEXT = { identity: 'alice', workspace: '/repo/gait', risk_class: 'high' };
const MINIMAL = { tool_name: 'tool.read', args: {}, targets: [], context: CONTEXT };
const WRITE = {
  ...{ tool_name: 'tool.write', args: { path: 'tmp/out.txt' }, context: CONTEXT },
  targets: [{ kind: 'host', value: 'api.external.com' }],
  arg_provenance: [{ arg_path: '$.path', source: 'user' }],
};
const DIGEST = 'fa9d82085c6cb8b1a9cd3fb67b8e36a4ee5ad335c7f1932f27a84d235c59b2ed';
const YEAR_1 = '0001-01-01T00:00:00Z';
const HEX = 'ab'.repeat(32);

const read = (changes: JsonObject): Intent => readIntent({ ...MINIMAL, ...changes }).intent;
const inContext = (changes: JsonObject): Intent => read({ context: { ...CONTEXT, ...changes } });
const delegated = (more: JsonObject): Intent => read({ delegation: { requester_identity: 'a', ...more } });
const parse = (text: string): Intent => parseIntent(Buffer.from(text), 'the intent').intent;
const withArgs = (args: string): string => JSON.stringify(MINIMAL).replace('"args":{}', `"args":${args}`);

function refused(code: string, what: () => unknown): void {
  assert.throws(what, gaitError(code, 'invalid_input'));
}

describe('digests of intents', () => {
  const text =
    '{"arg_provenance":[{"arg_path":"$.path","source":"user"}],"args":{"path":"tmp/out.txt"},' +
    '"context":{"identity":"alice","risk_class":"high","workspace":"/repo/gait"},' +
    '"targets":[{"endpoint_class":"net.http","endpoint_domain":"api.external.com","kind":"host",' +
    '"value":"api.external.com"}],"tool_name":"tool.write"}';

  test('the digest is that of the canonical bytes of the intent', () => {
    assert.equal(canonicalize(readIntent(WRITE).intent), text);
    assert.equal(intentDigest(readIntent(WRITE).intent), DIGEST);
  });

  test('the digest is the one that the Go version makes', () => {
    const context = { identity: 'svc.build', workspace: '/w/app', risk_class: 'medium' };
    const digest = '07caaad6ba151ccc44894b8f2a6ce9cdeaf22e2c8b9c643834c5c61d4cacd39c';
    assert.equal(
      intentDigest(readIntent({ tool_name: 'db.query', args: {}, targets: [], context }).intent),
      digest,
    );
  });

  test('what is no part of the intent does not change the digest', () => {
    const beside = {
      ...{ schema_id: 'gait.gate.intent_request', schema_version: '1.0.0', producer_version: '9' },
      ...{ created_at: '2026-02-14T02:00:00+02:00', args_digest: HEX, intent_digest: HEX, other: { a: 1 } },
    };
    const { intent, created_at } = readIntent({ ...WRITE, ...beside });
    assert.equal(intentDigest(intent), DIGEST);
    assert.equal(created_at, '2026-02-14T00:00:00Z');
    assert.equal(readIntent(WRITE).created_at, '1980-01-01T00:00:00Z');
  });

  test('unknown members of every part are ignored', () => {
    const noisy = {
      ...WRITE,
      targets: [{ ...WRITE.targets[0], extra: 1 }],
      arg_provenance: [{ ...WRITE.arg_provenance[0], extra: 1 }],
      context: { ...CONTEXT, extra: { a: [] } },
    };
    assert.equal(intentDigest(readIntent(noisy).intent), DIGEST);
  });

  test('empty args have the digest of an empty object, absent and null ones too', () => {
    const { args: _, ...without } = MINIMAL;
    for (const intent of [read({ args: null }), readIntent(without).intent]) {
      assert.equal(argsDigest(intent), '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
    }
  });

  test('members that are empty are not in the digest, and args and targets always are', () => {
    const auth_context = {};
    const empty = {
      session_id: ' ',
      request_id: '',
      credential_scopes: [' '],
      context_refs: [],
      auth_context,
    };
    const intent = read({ arg_provenance: [], context: { ...CONTEXT, ...empty } });
    assert.deepEqual(intent, read({}));
    assert.deepEqual(Object.keys(intent).sort(), ['args', 'context', 'targets', 'tool_name']);
  });

  test('a delegation without times is digested with the first instant of year 1', () => {
    const chain = [{ delegator_identity: 'b', delegate_identity: 'a' }];
    const { delegation } = delegated({ chain });
    const times = `"expires_at":"${YEAR_1}","issued_at":"${YEAR_1}"`;
    const link = `{"delegate_identity":"a","delegator_identity":"b",${times}}`;
    const bytes = `{"chain":[${link}],${times},"requester_identity":"a"}`;
    assert.ok(delegation !== undefined);
    assert.equal(delegationDigest(delegation), createHash('sha256').update(bytes).digest('hex'));
  });
});

describe('text in intents', () => {
  test('U+0085 and U+3000 are trimmed and U+FEFF is not', () => {
    const trims = inContext({ identity: '\u0085\u3000\u00a0\v al ice\u2028 \u0085' });
    assert.equal(trims.context.identity, 'al ice');
    assert.equal(inContext({ identity: '\ufeffalice\ufeff' }).context.identity, '\ufeffalice\ufeff');
  });

  test('a name of a tool is in small letters, rune by rune', () => {
    assert.equal(read({ tool_name: '\u0085 Tool.WRITE ' }).tool_name, 'tool.write');
    assert.equal(read({ tool_name: 'ΟΔΟΣ.İ' }).tool_name, 'οδοσ.i');
  });

  test('keys and texts of args are trimmed at every depth, and the rest is kept', () => {
    const args = { ' a ': [' x ', { '\u0085b': '\ufeff y ' }, 1.5, true, null], c: ' Big ' };
    assert.deepEqual(read({ args }).args, { a: ['x', { b: '\ufeff y' }, 1.5, true, null], c: 'Big' });
    const proto = parse(withArgs('{"__proto__":{"x":" 1 "}}'));
    assert.equal(canonicalize(proto.args), '{"__proto__":{"x":"1"}}');
  });

  test('backslashes of a workspace become slashes, and the path is not cleaned', () => {
    assert.equal(inContext({ workspace: ' C:\\a\\..\\b// ' }).context.workspace, 'C:/a/../b//');
  });

  test('lists are trimmed, each once and in the order of bytes, in the case they have', () => {
    const words = ['\u{1f600}', '\uffee', ' b', 'B', 'b ', '', ' \u0085'];
    const { context } = inContext({ credential_scopes: words, context_refs: words });
    assert.deepEqual(context.credential_scopes, ['B', 'b', '\uffee', '\u{1f600}']);
    assert.deepEqual(context.context_refs, context.credential_scopes);
    assert.deepEqual(delegated({ token_refs: words }).delegation?.token_refs, context.context_refs);
  });

  test('the context has its digests and words in small letters', () => {
    const words = { context_set_digest: ` ${HEX.toUpperCase()} `, context_evidence_mode: ' REQUIRED' };
    const { context } = inContext({ ...words, risk_class: ' Odd ', auth_context: { ' k': ' V ' } });
    assert.deepEqual(context, {
      ...{ ...CONTEXT, risk_class: 'odd', context_set_digest: HEX, context_evidence_mode: 'required' },
      auth_context: { k: 'V' },
    });
  });

  test('provenance is in small letters, each entry once, in order', () => {
    const [a, b] = [
      { arg_path: '$.a', source: 'user' },
      { arg_path: '$.b', source: 'external' },
    ];
    const loud = { arg_path: ' $.b ', source: ' External ', source_ref: ' R ', integrity_digest: HEX };
    assert.deepEqual(read({ arg_provenance: [loud, b, a, { ...a, source: 'USER' }] }).arg_provenance, [
      ...[a, b],
      { ...b, source_ref: 'R', integrity_digest: HEX },
    ]);
  });

  test('a skill keeps the case of its names, not of its source and digest', () => {
    const skill_provenance = {
      skill_name: ' S ',
      source: ' GIT ',
      publisher: ' P ',
      digest: 'AB'.repeat(32),
    };
    const expected = { skill_name: 'S', source: 'git', publisher: 'P', digest: HEX };
    assert.deepEqual(read({ skill_provenance }).skill_provenance, expected);
  });
});

describe('targets', () => {
  const table = `
    path /a/../b by t to read|get|list|open|cat|head|download|stat: fs.read
    path /a by t to write|append|put|create|update|save|copy|move|rename: fs.write
    path /a by tool.read to delete|remove|rm|unlink|rmdir|drop|truncate: fs.delete true
    path /a by mcp/fetch_it|mcp/read_and_delete|list to odd: fs.read
    path /a by my.save to -: fs.write
    path /a by format.disk to -: fs.delete true
    path /a by read/thing to -: other
    path /a by t to SPAWN: other true
    host A.b by t to DNS|resolve|lookup: net.dns a.b
    host http://A.b:80/x by tool.exec to -: net.http a.b
    host http://https://a.b/x by t to delete: net.http a.b true
    url https://u:p@A.b:443/x?y#z by t to get: net.http a.b
    url https://[::1]:8/ by t to get: net.http ::1
    url https://a.b:x/|mailto:a@b.c|a.b/c by t to get: net.http
    other x by t to exec|spawn|run|shell|command: proc.exec true
    other x by prune|x.shell to -: proc.exec true
    repo x by tool.exec to rm: other true
    repo|bucket|table|queue|topic x by tool.exec to run: other`;
  for (const row of table.trim().split('\n')) {
    const [, given = '', tools = '', operations = '', found] =
      /^ *(.*) by (.*) to (.*?): (.*)$/.exec(row) ?? [];
    test(row.trim(), () => {
      const [kinds = '', values = ''] = given.split(' ');
      for (const kind of kinds.split('|'))
        for (const value of values.split('|'))
          for (const tool_name of tools.split('|'))
            for (const operation of operations.split('|')) {
              const one = { kind, value, operation: operation === '-' ? '' : operation };
              const [target] = read({ tool_name, targets: [one] }).targets;
              const { endpoint_class, endpoint_domain, destructive } = target ?? {};
              const parts = [endpoint_class, endpoint_domain, destructive].filter(
                (part) => part !== undefined,
              );
              assert.equal(parts.join(' '), found, JSON.stringify(one));
            }
    });
  }

  test('a url has the domain that Go reads in it', () => {
    const domain = (value: string) => read({ targets: [{ kind: 'url', value }] }).targets[0]?.endpoint_domain;
    assert.equal(domain('//Example.com/x'), 'example.com');
    assert.equal(domain('https://example.com/%zz'), undefined);
  });

  test('what is said about a target is not inferred, and destructive only adds to what is', () => {
    const said = { endpoint_class: ' UI.Click', endpoint_domain: ' X.Y ', destructive: true };
    const target = { kind: ' HOST ', value: ' A.b ', operation: ' GET ', sensitivity: ' PII ' };
    assert.deepEqual(read({ targets: [{ ...target, ...said }] }).targets, [
      ...[
        { kind: 'host', value: 'A.b', operation: 'get', sensitivity: 'pii', endpoint_class: 'ui.click' },
      ].map((one) => ({ ...one, endpoint_domain: 'x.y', destructive: true })),
    ]);
    const removal = {
      kind: 'path',
      value: 'a',
      operation: 'rm',
      endpoint_class: 'fs.read',
      destructive: false,
    };
    assert.equal(read({ targets: [removal] }).targets[0]?.destructive, true);
  });

  test('are each once, in the order of kind, value, operation, sensitivity, class, domain, destructive', () => {
    const at = (value: string, more: JsonObject = {}): JsonObject => ({ kind: 'repo', value, ...more });
    const sorted = [
      { kind: 'bucket', value: 'z' },
      ...[at('B'), at('a'), at('a', { destructive: true }), at('a', { endpoint_domain: 'd' })],
      ...[
        at('a', { endpoint_class: 'ui.type' }),
        at('a', { sensitivity: 's' }),
        at('a', { operation: 'get' }),
      ],
      ...[at('\uffee'), at('\u{1f600}')],
    ];
    const { targets } = read({ targets: sorted });
    assert.equal(targets.length, sorted.length);
    assert.deepEqual(read({ targets: [...sorted, ...sorted].reverse() }).targets, targets);
    const said = targets.map(({ endpoint_class, ...one }) =>
      endpoint_class === 'other' ? one : { ...one, endpoint_class },
    );
    assert.deepEqual(said, sorted);
  });

  test('that differ in where a NUL stands are two', () => {
    const targets = [
      { kind: 'repo', value: 'a\0b', operation: 'c' },
      { kind: 'repo', value: 'a', operation: 'b\0c' },
    ];
    assert.equal(read({ targets }).targets.length, 2);
  });
});

describe('delegations', () => {
  const [early, late] = ['2026-02-14T02:00:00.120+02:00', '2026-02-14T00:00:01Z'];

  test('keep the order of their chain, trim its names, and have their times in UTC', () => {
    const link = {
      delegator_identity: ' Z ',
      delegate_identity: 'A ',
      scope_class: ' BIG ',
      token_ref: ' T ',
    };
    const other = { delegator_identity: 'a', delegate_identity: 'b' };
    const times = { issued_at: early, expires_at: late };
    const utc = { issued_at: '2026-02-14T00:00:00.12Z', expires_at: late };
    const { delegation } = delegated({
      scope_class: 'Wide',
      chain: [{ ...link, ...times }, other],
      ...times,
    });
    assert.deepEqual(delegation, {
      ...{ requester_identity: 'a', scope_class: 'wide', ...utc },
      chain: [
        { delegator_identity: 'Z', delegate_identity: 'A', scope_class: 'big', token_ref: 'T', ...utc },
        { ...other, issued_at: YEAR_1, expires_at: YEAR_1 },
      ],
    });
  });

  test('may have one time only, and end after they begin', () => {
    assert.equal(delegated({ expires_at: late }).delegation?.issued_at, YEAR_1);
    assert.equal(delegated({ issued_at: late }).delegation?.expires_at, YEAR_1);
    for (const times of [
      { issued_at: late, expires_at: early },
      { issued_at: late, expires_at: late },
    ]) {
      refused('intent_invalid', () => delegated(times));
      const link = { delegator_identity: 'a', delegate_identity: 'b', ...times };
      refused('intent_invalid', () => delegated({ chain: [link] }));
    }
  });
});

describe('intents that are refused', () => {
  const table = `
    intent_invalid "schema_id":"gait.gate.policy"
    intent_invalid "schema_version":"1.0.1"
    intent_invalid "script":{"steps":[]}
    intent_invalid "args":{"a":[{" ":1}]}
    intent_invalid "targets":[{"kind":"file","value":"a"}]
    intent_invalid "targets":[{"kind":"repo","value":"a","endpoint_class":"net.ftp"}]
    intent_invalid "arg_provenance":[{"arg_path":"a","source":"model"}]
    intent_invalid "arg_provenance":[{"arg_path":"a","source":"user","integrity_digest":"ab"}]
    intent_invalid "context":{"auth_context":{"":1}}
    intent_invalid "context":{"context_set_digest":"ab"}
    intent_invalid "context":{"context_evidence_mode":"none"}
    record_invalid "args":[]
    record_invalid "tool_name":1
    record_invalid "tool_name":" "
    record_invalid "targets":[{"kind":"repo"}]
    record_invalid "context":{"identity":null}
    record_invalid "skill_provenance":{"skill_name":"a","source":"b"}
    record_invalid "delegation":{}
    record_invalid "delegation":{"requester_identity":"a","chain":[{"delegator_identity":"b"}]}
    record_invalid "created_at":"today"
    record_ambiguous "Tool_Name":"tool.write"
    record_ambiguous "context":{"Risk_class":"low"}
    record_ambiguous "targets":[{"kind":"repo","value":"a","VALUE":"b"}]
    record_ambiguous "args":{"a":{"b":1,"b\\u0085":1}}
    not_canonicalizable "args":{"a":"\\ud800"}`;
  for (const row of table.trim().split('\n')) {
    const [code = '', member] = row.trim().split(/ (.*)/);
    test(row.trim(), () => {
      const changes = JSON.parse(`{${member}}`) as JsonObject;
      const context = { ...CONTEXT, ...(changes['context'] as JsonObject | undefined) };
      refused(code, () => read({ ...changes, context }));
    });
  }

  test('too many targets', () => {
    const target = { kind: 'repo', value: 'a' };
    refused('intent_invalid', () => read({ targets: Array.from({ length: MAX_TARGETS + 1 }, () => target) }));
  });

  test('what is no object, what is no JSON, what has a key twice, and what is too large', () => {
    for (const value of [null, [], 'a', 1] as Json[]) assert.throws(() => readIntent(value));
    for (const args of ['{', '{"a":01}']) refused('json_malformed', () => parse(withArgs(args)));
    refused('json_ambiguous', () => parse(withArgs('{"a":1,"\\u0061":1}')));
    refused('file_too_large', () => parse(' '.repeat(MAX_INTENT_BYTES + 1)));
  });

  test('integers beyond 2^53, and no other numbers', () => {
    for (const number of ['9007199254740993', '-9007199254740993', '123456789012345678901'])
      refused('json_ambiguous', () => parse(withArgs(`{"a":[${number}]}`)));
    for (const number of ['9007199254740991', '1e21', '"9007199254740993"', '0.30000000000000004'])
      assert.deepEqual(parse(withArgs(`{"a":${number}}`)).args, { a: JSON.parse(number) });
  });
});
