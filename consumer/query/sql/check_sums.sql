-- Books that do not add up.
SELECT format('%s-%s: consumed %s, the parts are %s', source, partition, consumed,
              applied + superseded + duplicate + ignored + quarantined + erased) AS sentence
  FROM stream_position
 WHERE consumed <> applied + superseded + duplicate + ignored + quarantined + erased
