DROP FUNCTION souk_blocks_me;
DROP TABLE store_blocks;
