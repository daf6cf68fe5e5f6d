/**
 * How much of a pack is read, whoever made it: docs/contracts/packspec_v1.md has the same table. What is larger is a
 * finding. All but the members themselves, which are read in pieces, fits into 200 MiB of memory.
 */

const MIB: number = 1024 * 1024;

/** A report lists no more findings; it says how many more there are. */
export const MAX_FINDINGS = 100;

/** No text of a finding is longer. UTF-16 code units. */
export const MAX_FINDING_TEXT = 500;

/** Members of a container. */
export const MAX_MEMBERS = 10_000;

/** Bytes of the central directory of a container. */
export const MAX_DIRECTORY_BYTES: number = 16 * MIB;

/** Bytes of the name of a member. */
export const MAX_NAME_BYTES = 255;

/** Bytes of the extra fields of one header. */
export const MAX_EXTRA_BYTES = 256;

/** Bytes of a deflated member as it is unpacked, and packed: a bomb is refused before it is inflated. */
export const MAX_INFLATED_BYTES: number = 100 * MIB;

/** Nor may all of them together have more: many small bombs are one. */
export const MAX_INFLATED_IN_ALL: number = 512 * MIB;

/** Bytes of a member that is one JSON document. */
export const MAX_DOCUMENT_BYTES: number = 16 * MIB;

/** Bytes of a manifest, of which more is made than of other documents: twice what 10,000 members take. */
export const MAX_MANIFEST_BYTES: number = 8 * MIB;

/** Bytes of the ledger in a job pack: an environment, which stood in one event of at most 1 MiB. */
export const MAX_LEDGER_BYTES: number = 2 * MIB;

/** Bytes of a member of lines, for whoever wants all of it in memory: not for a verification. */
export const MAX_KEPT_BYTES: number = 512 * MIB;

/** Values in one JSON text of more than {@link FEW_BYTES}: values take many times the memory that their text does. */
export const MAX_JSON_VALUES = 1_000_000;

/** A list or an object takes as much as so many other values, even an empty one. */
export const LIST_WEIGHT = 8;

/** JSON text that is no longer than this is parsed whatever it holds. */
export const FEW_BYTES: number = MIB / 8;

/** Bytes of a line of events. Lines are longer in the packs of earlier programs than events are here. */
export const MAX_EVENT_LINE_BYTES: number = 8 * MIB;

/** Bytes of a line of intents or results. */
export const MAX_RECORD_BYTES: number = 10 * MIB;

/** Intents of a run, and results: the ids of all of them are kept while they are verified. */
export const MAX_RECORDS = 1_500_000;

/** Bytes of a proof record. */
export const MAX_PROOF_RECORD_BYTES: number = 64 * 1024;
