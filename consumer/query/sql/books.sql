-- The books of all partitions and files together.
SELECT coalesce(sum(consumed), 0)::bigint AS consumed,
       coalesce(sum(applied), 0)::bigint AS applied,
       coalesce(sum(superseded), 0)::bigint AS superseded,
       coalesce(sum(duplicate), 0)::bigint AS duplicate,
       coalesce(sum(ignored), 0)::bigint AS ignored,
       coalesce(sum(quarantined), 0)::bigint AS quarantined,
       coalesce(sum(erased), 0)::bigint AS erased
  FROM stream_position
